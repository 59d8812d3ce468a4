"""What the contract says of what people write, the database holds: references by a foreign key, values of an enum by a check; and
an owner lends no table that is not used."""
import re

import pytest

from lib.contract import contract

KEYS = """
    SELECT a.attname, t.name FROM app.resources r JOIN pg_constraint k ON k.conrelid = r.relation AND k.contype = 'f'
      JOIN app.resources t ON t.relation = k.confrelid
      JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[array_upper(k.conkey, 1)]
     WHERE r.name = %s"""
CHECKS = """
    SELECT a.attname, pg_get_constraintdef(k.oid) FROM app.resources r
      JOIN pg_constraint k ON k.conrelid = r.relation AND k.contype = 'c' AND cardinality(k.conkey) = 1
      JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
     WHERE r.name = %s"""


def columns(resource):
    return [f for f in contract().resources[resource].fields if f.label != f.LABEL_REPEATED]


@pytest.mark.parametrize("resource", sorted(contract().resources))
def test_references_are_keys(stack, resource):
    keys = set(stack.sql(KEYS, resource))
    said = {(f.name, contract().rule(f).references) for f in columns(resource) if contract().rule(f).references}
    written = {(f.name, contract().rule(f).references) for f in columns(resource) if not contract().rule(f).output_only}
    assert (said & written) - keys == set(), "references without a foreign key"
    assert keys - said == set(), "foreign keys that the contract does not tell of"


@pytest.mark.parametrize("resource", sorted(contract().resources))
def test_enums_are_checked(stack, resource):
    checks = {}
    for column, text in stack.sql(CHECKS, resource):
        checks.setdefault(column, set()).update(re.findall(r"'([A-Z][A-Z_]*)'", text))
    for f in columns(resource):
        if f.enum_type is None or contract().rule(f).output_only:
            continue
        values = {v.name for v in f.enum_type.values if v.number != 0}
        assert checks.get(f.name) == values, f"{resource}.{f.name}"


def test_what_is_lent_is_used(stack):
    for process in stack.processes.values():
        assert "which does not use it" not in process.text(), process.name

"""Records that an older version has stored wrongly, after the migration that mends them."""
import json
import uuid

import pytest

from lib.old import OldDatabase


@pytest.fixture
def old(stack, request):
    database = OldDatabase(stack, f"old_{uuid.uuid4().hex}", request.param)
    yield database
    database.drop()


def org_with_user(db):
    org, user, role = (str(uuid.uuid4()) for _ in range(3))
    db.insert("identity.orgs", org_id=org, id=org, name="Old")
    db.insert("identity.roles", org_id=org, id=role, name="R", visibility="ORG")
    db.insert("identity.users", org_id=org, id=user, display_name="U", role_id=role)
    return org, user, role


@pytest.mark.parametrize("old", ["0010_exact_numbers.sql"], indirect=True)
def test_numbers_that_nothing_reads_become_strings(old):
    org, user, role = org_with_user(old)
    bad = '{"n": 1e100, "list": [1.5, {"x": -1e-70, "y": 12345678901234567890}], "keep": 7, "text": "1e100", "ok": 1e22}'
    good = {"n": "1" + "0" * 100, "list": [1.5, {"x": "-0." + "0" * 69 + "1", "y": "12345678901234567890"}], "keep": 7,
            "text": "1e100", "ok": 10 ** 22}
    made = {}
    tables = [r[0] for r in old.sql("SELECT relation::text FROM app.resources r JOIN pg_attribute a ON a.attrelid = relation"
                                    " AND attname = 'custom_fields'")]
    more = {"customers.accounts": {"name": "A"}, "customers.leads": {"name": "L"}, "customers.contacts": {"name": "C"},
            "identity.roles": {"name": "R2", "visibility": "OWN"}, "identity.teams": {"name": "T"},
            "identity.users": {"display_name": "V", "role_id": role}, "pipeline.products": {"name": "P"},
            "activities.tasks": {"subject": "T"}, "activities.calls": {"subject": "C"}}
    for table in tables:
        if table not in more:
            continue
        id = made[table] = str(uuid.uuid4())
        owner = {"owner_id": user} if table.split(".")[0] in ("customers", "activities") else {}
        old.insert(table, org_id=org, id=id, custom_fields=None, **owner, **more[table])
        old.sql(f"UPDATE {table} SET custom_fields = %s::jsonb WHERE id = %s", bad, id)
    assert len(made) >= 8
    old.insert("customers.accounts", org_id=org, id=str(uuid.uuid4()), owner_id=user, name="Fine", annual_revenue=10 ** 20,
               custom_fields={"ok": 1.5})
    old.migrate()
    for table, id in made.items():
        (stored,) = old.sql(f"SELECT custom_fields::text FROM {table} WHERE id = %s", id)[0]
        assert json.loads(stored) == good, table
        images = old.sql("SELECT before->>'custom_fields', after->>'custom_fields' FROM app.events WHERE record_id = %s", id)
        assert len(images) == 3, "made, changed, mended"
        assert all(json.loads(i) == good for pair in images for i in pair if i is not None), table
    (version,) = old.sql("SELECT version FROM customers.accounts WHERE name = 'Fine'")[0]
    assert version == 1, "what was right is left alone"
    (revenue,) = old.sql("SELECT jsonb_typeof(after->'annual_revenue') FROM app.events WHERE after->>'name' = 'Fine'")[0]
    assert revenue == "number"
    assert "up to date" in old.migrate()


@pytest.mark.parametrize("old", ["0022_out_of_sight.sql"], indirect=True)
def test_what_went_out_of_sight_before_is_told_afterwards(old):
    org, user, role = org_with_user(old)
    other = str(uuid.uuid4())
    old.insert("identity.users", org_id=org, id=other, display_name="V", role_id=role)
    gone, back = str(uuid.uuid4()), str(uuid.uuid4())
    for id, owners in ((gone, [other]), (back, [other, user])):
        old.insert("customers.accounts", org_id=org, id=id, owner_id=user, name="A")
        for owner in owners:
            old.sql("UPDATE customers.accounts SET owner_id = %s WHERE id = %s", owner, id)
    old.migrate()
    changes = old.sql("SELECT record_id::text, other_owner_id::text, owner_id::text FROM app.events"
                      " WHERE action = 'UPDATED' ORDER BY seq")
    assert changes == [(gone, user, other), (back, user, other), (back, other, user)]
    told = old.sql("SELECT record_id::text, owner_id::text, other_owner_id::text, before, after FROM app.events"
                   " WHERE action = 'OUT_OF_SIGHT' ORDER BY record_id = %s", back)
    assert told == [(gone, user, other, None, None), (back, other, user, None, None)]


@pytest.mark.parametrize("old", ["0116_fields.sql"], indirect=True)
def test_keys_that_are_stored_become_fields(old):
    """Of a type that takes what they hold, so that whoever writes them can go on."""
    org, user, _ = org_with_user(old)
    held = [{"text": "x", "flag": True, "n": 1500, "mixed": {"a": 1}, "long": "x" * 300, "预算": "高", "nothing": None, "blank ": 1},
            {"text": "", "flag": False, "n": "many", "lines": "a\n"}]
    for n, fields in enumerate(held):
        old.insert("customers.accounts", org_id=org, id=str(uuid.uuid4()), owner_id=user, name=f"A{n}", custom_fields=fields)
    old.insert("identity.teams", org_id=org, id=str(uuid.uuid4()), name="T", custom_fields={"text": 5})
    old.migrate()
    fields = {(c, n): t for c, n, t in old.sql("SELECT collection, name, type FROM identity.fields WHERE org_id = %s", org)}
    assert fields == {("accounts", "text"): "TEXT", ("accounts", "flag"): "BOOLEAN", ("accounts", "n"): "JSON", ("accounts", "mixed"): "JSON",
                      ("accounts", "long"): "LONG_TEXT", ("accounts", "预算"): "TEXT", ("accounts", "lines"): "JSON", ("teams", "text"): "JSON"}
    (version,) = old.sql("SELECT app.shape_version(%s)", org)[0]
    assert version > 1

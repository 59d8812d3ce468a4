"""What the contract says can be looked up, or listed in order, at any size: an index of the database serves it."""
import pytest

from lib.contract import contract


@pytest.fixture(scope="module")
def served(stack):
    """{collection: the columns that come second in an index whose first one is org_id}."""
    rows = stack.sql("""
        SELECT r.name, a.attname FROM app.resources r JOIN pg_index i ON i.indrelid = r.relation AND i.indisvalid
          JOIN pg_attribute o ON o.attrelid = i.indrelid AND o.attnum = i.indkey[0] AND o.attname = 'org_id'
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[1]
         WHERE i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) IN (
               format('(%I IS NOT NULL)', a.attname), '(delete_time IS NULL)')""")
    found = {}
    for name, column in rows:
        found.setdefault(name, set()).add(column)
    return found


def fields(name, wanted):
    return [f.name for f in contract().resources[name].fields if wanted(contract().rule(f))]


@pytest.mark.parametrize("name", contract().collections("LIST"))
def test_what_people_look_up_has_an_index(name, served):
    wanted = fields(name, lambda rule: rule.lookup)
    assert "external_id" in wanted or name not in contract().collections("UPSERT")
    assert set(wanted) <= served[name]


@pytest.mark.parametrize("name", [n for n in contract().collections("LIST")
                                  if any(f.name == "owner_id" for f in contract().resources[n].fields)])
def test_every_order_has_an_index(name, served):
    """Where records grow without end: those that people own."""
    assert set(fields(name, lambda rule: rule.sortable)) <= served[name]


@pytest.mark.parametrize("name", contract().collections("LIST"))
def test_personal_addresses_can_be_looked_up(name):
    """Who is asked for by mail or phone is found by it."""
    formats = {f.name for f in contract().resources[name].fields if contract().format(f) in ("EMAIL", "PHONE", "URL")}
    assert formats <= set(fields(name, lambda rule: rule.lookup))


def test_open_deals_are_found_among_those_that_are_over(stack):
    conn = stack.pg.connect()
    cursor = conn.cursor()
    cursor.execute("SET enable_seqscan = off")
    cursor.execute("SET enable_bitmapscan = off")
    cursor.execute("SET enable_sort = off")
    cursor.execute("""EXPLAIN SELECT id FROM pipeline.deals WHERE org_id = app.org_id() AND outcome = 'OPEN' AND delete_time IS NULL
                       ORDER BY expected_close_date, id LIMIT 51""")
    plan = "\n".join(row[0] for row in cursor.fetchall())
    conn.close()
    assert "deals_open" in plan, plan

"""A database full of what older versions took: migrations repair it and never fail."""
import glob
import os
import re
import uuid

import pytest

from lib.stack import ROOT

FOLDERS = ("common/db", "services/identity", "services/customers", "services/pipeline", "services/activities", "services/analytics",
           "services/exchange")
TEXTS = next(int(os.path.basename(f)[:4]) for f in glob.glob(f"{ROOT}/common/db/schema/*_text.sql"))   # the first about texts


def migrations():
    """[(number, path)], in the order in which they apply."""
    files = [f for folder in FOLDERS for f in sorted(glob.glob(f"{ROOT}/{folder}/schema/*.sql"))]
    numbered = [(int(os.path.basename(f)[:4]), f) for f in files]
    return [n for n in numbered if n[0] < 10] + sorted(n for n in numbered if n[0] >= 10)


class Old:
    """A database of its own, at the version before a migration."""

    def __init__(self, stack, number):
        self.stack, self.name = stack, f"old_{uuid.uuid4().hex[:8]}"
        stack.sql(f"CREATE DATABASE {self.name}")
        # sfmsctl would apply all; it tells migrations what the program knows about currencies.
        known = stack.sql("SELECT jsonb_agg(c)::text FROM app.currencies c")[0][0]
        before = [path for n, path in migrations() if n < number]
        self.sql("CREATE SCHEMA sfms; CREATE TABLE sfms.app_migrations (owner text, name text, checksum text NOT NULL,"
                 " apply_time timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (owner, name))")
        self.sql(f"ALTER DATABASE {self.name} SET sfms.currencies = '{known}'")
        for path in before:
            self.sql(open(path, encoding="utf-8").read())
        for row in stack.sql("SELECT owner, name, checksum FROM sfms.app_migrations WHERE name < %s", f"{number:04}"):
            self.sql("INSERT INTO sfms.app_migrations VALUES (%(a)s, %(b)s, %(c)s)", a=row[0], b=row[1], c=row[2])
        self.org = str(uuid.uuid4())
        self.sql("INSERT INTO identity.orgs (org_id, id, name) VALUES (%(org)s, %(org)s, 'Old')", org=self.org)
        self.role = self.add("identity.roles", name="Seller", visibility="ORG")
        self.user = self.add("identity.users", display_name="U", role_id=self.role)

    def sql(self, text, **values):
        connection = self.stack.pg.connect(self.name)
        try:
            cursor = connection.cursor()
            cursor.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def upgrade(self):
        self.stack.ctl("migrate", SFMS_DATABASE_URL=self.stack.pg.url(database=self.name))

    def add(self, table, **columns):
        """Inserts a row and answers its id."""
        id = str(uuid.uuid4())
        columns = {"org_id": self.org, "id": id, **columns}
        self.sql(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f'%({c})s' for c in columns)})", **columns)
        return id

    def get(self, table, id, column):
        return self.sql(f"SELECT {column} FROM {table} WHERE id = %(id)s", id=id)[0][0]


@pytest.fixture
def old(stack):
    old = Old(stack, TEXTS)
    yield old
    stack.sql(f"DROP DATABASE {old.name} WITH (FORCE)")


def test_texts_become_tidy(old):
    def account(**columns):
        return old.add("customers.accounts", owner_id=old.user, **columns)
    messy = account(name="\u3000 Cafe\u0301  GmbH\u200b", city="长沙 ", industry="\u3000", description=" a\n b ")
    nothing = account(name="\u200b")
    tidy = account(name="Straße Nord", city="Ulm")
    old.upgrade()
    assert old.get("customers.accounts", messy, "name") == "Café  GmbH"
    assert old.get("customers.accounts", messy, "city") == "长沙" and old.get("customers.accounts", messy, "industry") is None
    assert old.get("customers.accounts", messy, "description") == " a\n b "
    assert old.get("customers.accounts", messy, "search_text") == "café gmbh 长沙"
    assert old.get("customers.accounts", nothing, "name") == "\u200b", "there is no other name for it"
    assert old.get("customers.accounts", tidy, "search_text") == "strasse nord ulm"
    assert old.get("customers.accounts", tidy, "version") == 1, "what is searched is no part of the record"
    assert old.get("customers.accounts", messy, "version") > 1
    events = old.sql("SELECT after->>'name' FROM app.events WHERE record_id = %(id)s ORDER BY xid, seq", id=messy)
    assert events[-1] == ("Café  GmbH",) and len(events) > 1


def test_names_that_are_one_become_distinct(old):
    process = old.add("pipeline.processes", name="Big")
    stages = [old.add("pipeline.stages", process_id=process, name=name) for name in ("S1", "S1 ", "ｓ１", "s1 (2)", "S2")]
    codes = [old.add("pipeline.products", name="P", currency="CNY", code=code) for code in ("C-1", "C-1 ", None, None)]
    teams = [old.add("identity.teams", name=name) for name in ("Nord", "NORD", "Süd")]
    below = old.add("identity.teams", name="nord", parent_id=teams[0])
    roles = [old.add("identity.roles", name=name, visibility="OWN") for name in ("R1", "R1\u3000")]
    old.upgrade()
    names = [old.get("pipeline.stages", s, "name") for s in stages]
    assert names[0] == "S1" and names[3:] == ["s1 (2)", "S2"] and len({n.lower() for n in names}) == 5, names
    assert [old.get("pipeline.products", c, "code") for c in codes] == ["C-1", "C-1 (2)", None, None]
    assert [old.get("identity.teams", t, "name") for t in teams + [below]] == ["Nord", "NORD (2)", "Süd", "nord"]
    assert [old.get("identity.roles", r, "name") for r in roles] == ["R1", "R1 (2)"]


def test_keys_and_addresses(old):
    def contact(**columns):
        return old.add("customers.contacts", owner_id=old.user, name="C", **columns)
    alone, first, second = (contact(external_id=key, external_source=source)
                            for key, source in (("41 ", "erp "), ("42", "erp"), ("42 ", "erp")))
    mail = contact(email="\u200bann@mÜnchen.example\u00a0")
    ann, twin = (old.add("identity.users", display_name="Ann", email=email, role_id=old.role) for email in ("ann@x.io", "ann@x.io\u200b"))
    old.upgrade()
    assert (old.get("customers.contacts", alone, "external_id"), old.get("customers.contacts", alone, "external_source")) == ("41", "erp")
    assert [old.get("customers.contacts", c, "external_id") for c in (first, second)] == ["42", "42 "]
    assert old.get("customers.contacts", mail, "email") == "ann@münchen.example"
    assert [old.get("identity.users", u, "email") for u in (ann, twin)] == ["ann@x.io", "ann@x.io\u200b"]


def test_what_sql_and_c_hold_for_hidden_is_the_same(stack):
    """Each character at both ends of a text: by the database as the validator has it (see the walk over texts)."""
    source = open(f"{ROOT}/tests/unit/core/text_test.c", encoding="utf-8").read()
    listed = re.search(r"hidden\[\] = \{(.*?)\};", source, re.S).group(1)
    hidden = [bytes(w, "ascii").decode("unicode_escape") for w in re.findall(r'"([^"]+)"', listed)]
    for text in (h.encode("latin-1").decode() if max(h) < "\u0100" and "\u0080" <= max(h) and len(h) == 2 else h for h in hidden):
        assert stack.sql("SELECT app.line(%s), app.fold(%s)", f"{text}A{text}{text}", f"{text}A{text}") == [("A", "a")], repr(text)


# What sfms-activities says about imports in the version before they moved into a schema of their own.
TAKES_AN_IMPORT = """
    INSERT INTO activities.imports (id, resource, mapping, total_rows, encoding) VALUES ($1::uuid, 'deals', '{}', 2, 'UTF-8');
    INSERT INTO activities.import_files (import_id, header, delimiter, locale, content) VALUES ($1::uuid, '["name"]', ',', 'en', 'name');
    INSERT INTO activities.import_errors (import_id, row_number, cells) VALUES ($1::uuid, 1, '["a"]'), ($1::uuid, 2, '["b"]')"""
RUNS_AN_IMPORT = """
    SELECT 1 FROM activities.imports WHERE org_id = app.org_id() AND id = $1::uuid FOR UPDATE;
    UPDATE activities.import_errors SET reason = 'no' WHERE org_id = (SELECT app.org_id()) AND import_id = $1::uuid AND row_number = 1;
    DELETE FROM activities.import_errors WHERE org_id = (SELECT app.org_id()) AND import_id = $1::uuid AND reason IS NULL;
    WITH file AS (UPDATE activities.import_files SET content = NULL WHERE org_id = (SELECT app.org_id()) AND import_id = $1::uuid)
    UPDATE activities.imports SET state = 'DONE', failed_rows = 1 WHERE org_id = (SELECT app.org_id()) AND id = $1::uuid AND NOT done"""


def test_the_version_before_finds_its_imports_under_their_old_names(stack, org, other_org):
    id = str(uuid.uuid4())
    conn = stack.pg.connect(user="sfms_activities")
    cursor = conn.cursor()

    def run(text, org_id, user_id):
        cursor.execute("BEGIN")
        cursor.execute("SELECT set_config('sfms.org_id', %s, true), set_config('sfms.user_id', %s, true),"
                       " set_config('sfms.visibility', 'ORG', true)", (org_id, user_id))
        for statement in text.replace("$1", f"'{id}'").split(";"):
            cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else cursor.rowcount
        cursor.execute("COMMIT")
        return rows
    seen = "SELECT state, done, failed_rows, owner_id::text FROM activities.imports WHERE id = $1::uuid"
    try:
        run(TAKES_AN_IMPORT, org.id, org.admin.id)
        assert run(RUNS_AN_IMPORT, org.id, org.admin.id) == 1
        assert run(seen, org.id, org.admin.id) == [("DONE", True, 1, org.admin.id)]
        assert run(seen, other_org.id, other_org.admin.id) == [], "the views let nobody see more"
        assert run(RUNS_AN_IMPORT, other_org.id, other_org.admin.id) == 0
    finally:
        conn.close()
    answer = org.api.get(f"/v1/imports/{id}").ok()
    assert answer["state"] == "DONE" and answer["failedRows"] == "1"
    assert "no (row 1)" in org.api.get(f"/v1/imports/{id}/errors").ok()
    actions = [e["action"] for e in org.api.get(f"/v1/imports/{id}/history").ok()["events"]]
    assert actions == ["UPDATED", "CREATED"]

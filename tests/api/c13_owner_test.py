"""A database whose owner is no superuser and whose services each have a password of their own: as docker-compose.yml has it."""
import os
import secrets
import uuid

import psycopg2
import pytest

from lib.api import Api
from lib.org import Org
from lib.stack import SERVICES, Stack

HBA = """local all owner trust
local all all scram-sha-256
"""


class Owned(Stack):
    """The superuser prepares, sfms_owner migrates, and everybody but the superuser is asked for a password."""

    def __init__(self):
        super().__init__()
        self.pg.SETTINGS = {**self.pg.SETTINGS, "log_statement": "ddl"}

    def prepare(self):
        self.owner_password = secrets.token_hex(16)
        self.passwords = {s: secrets.token_hex(16) for s in SERVICES}
        hba = os.path.join(self.pg.data, "pg_hba.conf")
        with open(hba, "w") as f:
            f.write(HBA)
        self.sql("SELECT pg_reload_conf()")
        self.ctl("prepare", SFMS_DATABASE_OWNER_PASSWORD=self.owner_password)
        self.env["SFMS_DATABASE_URL"] = self.pg.url("sfms_owner").replace("sfms_owner@", f"sfms_owner:{self.owner_password}@")
        for service, password in self.passwords.items():
            self.env[f"SFMS_DATABASE_PASSWORD_{service.upper()}"] = password

    def own_settings(self, service):
        env = {"SFMS_DATABASE_URL": self.pg.url("nobody"), "SFMS_DATABASE_PASSWORD": self.passwords[service]}
        return {**env, **{f"SFMS_DATABASE_PASSWORD_{s.upper()}": "" for s in SERVICES}}

    def log_in(self, service, password):
        conn = psycopg2.connect(host=self.pg.socket_dir, port=self.pg.port, dbname="sfms", user=f"sfms_{service}", password=password)
        conn.close()


@pytest.fixture(scope="module")
def own_stack():
    stack = Owned()
    try:
        stack.start()
        yield stack
    finally:
        wrong = stack.stop()
    assert not wrong, wrong


@pytest.fixture(scope="module")
def owned(own_stack):
    return Org(own_stack)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_logs_in_only_as_itself(service, own_stack):
    own_stack.log_in(service, own_stack.passwords[service])
    for other in [p for s, p in own_stack.passwords.items() if s != service] + [own_stack.owner_password, ""]:
        with pytest.raises(psycopg2.OperationalError):
            own_stack.log_in(service, other)


def test_no_password_is_in_the_servers_log(own_stack):
    with open(own_stack.pg.log, errors="replace") as f:
        log = f.read()
    assert "ALTER ROLE sfms_identity PASSWORD 'SCRAM-SHA-256$" in log, "statements are logged"
    for password in [*own_stack.passwords.values(), own_stack.owner_password]:
        assert password not in log


def test_the_owner_is_no_superuser_and_owns_all(own_stack):
    assert own_stack.sql("SELECT rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = 'sfms_owner'") == \
        [(False, False, False)]
    others = own_stack.sql("""
        SELECT nspname FROM pg_namespace WHERE nspname IN %s AND nspowner <> 'sfms_owner'::regrole
        UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
                   WHERE nspname IN %s AND proowner <> 'sfms_owner'::regrole
        UNION ALL SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                   WHERE nspname IN %s AND relowner <> 'sfms_owner'::regrole""", *[("sfms", "app", *SERVICES)] * 3)
    assert not others
    definers = own_stack.sql("""SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_roles r ON r.oid = proowner
                                 WHERE prosecdef AND rolsuper""")
    assert definers == [("sfms_superuser.mark_leakproof(regprocedure[])",)], "one thing alone is done as the superuser"
    for service in SERVICES:
        assert not own_stack.sql(f"""SELECT 1 WHERE has_function_privilege('sfms_{service}',
                                     'sfms_superuser.mark_leakproof(regprocedure[])', 'EXECUTE')""")


def test_the_system_works(owned, own_stack):
    name = f"Owned {uuid.uuid4().hex[:8]}"
    account = owned.api.post("/v1/accounts", json={"name": name}).ok(201)
    assert [a["id"] for a in owned.api.all("/v1/accounts", search=name)] == [account["id"]]
    rep = owned.person("Rep")
    Api(owned.base, rep.session["accessToken"]).get(f"/v1/accounts/{account['id']}").fails(404)
    events = owned.api.get("/v1/events", resource="accounts").ok()["events"]
    assert account["id"] in {e["recordId"] for e in events}
    unmarked = own_stack.sql("SELECT 1 FROM pg_proc WHERE proname IN ('numeric_lt', 'grams', 'strpos') AND NOT proleakproof")
    assert not unmarked, "searches and filters on amounts use their indexes"


def test_again(own_stack):
    own_stack.ctl("prepare", SFMS_DATABASE_URL=own_stack.pg.url())
    own_stack.sql("ALTER FUNCTION app.grams(text) NOT LEAKPROOF")
    said = own_stack.ctl("migrate")
    assert "up to date" in said and "note:" not in said
    assert own_stack.sql("SELECT proleakproof FROM pg_proc WHERE proname = 'grams'") == [(True,)]
    refused = own_stack.ctl("prepare", check=False)
    assert refused.returncode == 1 and "superuser" in refused.stderr


def test_a_dump_of_the_owners_is_restored(owned, own_stack, tmp_path):
    before = own_stack.sql("SELECT count(*) FROM customers.accounts")
    file = os.path.join(own_stack.pg.socket_dir, "sfms.dump")
    own_stack.pg._run(f"{own_stack.pg.bin}/pg_dump", "-d", own_stack.pg.url(), "-Fc", "-f", file)
    own_stack.sql("CREATE DATABASE restored OWNER sfms_owner")
    own_stack.pg._run(f"{own_stack.pg.bin}/pg_restore", "-d", own_stack.pg.url(database="restored"), "--clean", "--if-exists",
                      "--single-transaction", file)
    url = own_stack.env["SFMS_DATABASE_URL"].replace("/sfms?", "/restored?")
    assert "up to date" in own_stack.ctl("migrate", SFMS_DATABASE_URL=url)
    conn = own_stack.pg.connect("restored")
    cursor = conn.cursor()
    cursor.execute("SELECT count(*) FROM customers.accounts")
    assert cursor.fetchall() == before
    cursor.execute("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'customers.accounts'::regclass")
    assert cursor.fetchall() == [("sfms_owner",)]
    conn.close()


def test_a_database_of_a_superuser_is_given_to_the_owner():
    """As installations before did it: the superuser has migrated, with one password for all."""
    stack = Stack(SFMS_DATABASE_PASSWORD="one for all")
    try:
        stack.start()
        org = Org(stack)
        kept = org.api.post("/v1/accounts", json={"name": "Kept"}).ok(201)
        stack.ctl("prepare")
        owner = stack.pg.url("sfms_owner")
        assert "up to date" in stack.ctl("migrate", SFMS_DATABASE_URL=owner)
        assert stack.sql("""SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                             WHERE nspname IN %s AND relowner <> 'sfms_owner'::regrole""", ("sfms", "app", *SERVICES)) == [(0,)]
        assert org.api.get(f"/v1/accounts/{kept['id']}").ok()["name"] == "Kept", "while everything runs"
        org.api.patch(f"/v1/accounts/{kept['id']}", json={"name": "Kept on"}).ok()
        assert org.person("Rep").id
    finally:
        wrong = stack.stop()
    assert not wrong, wrong

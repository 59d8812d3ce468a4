"""sfmsctl, the operator's tool."""
import json
import os
import subprocess

import pytest

from lib.org import PASSWORD, log_in
from lib.stack import BUILD, Stack


def run(stack, *args, stdin=None, **env):
    return stack.ctl(*args, stdin=stdin, check=False, **env)


def refused(done):
    """It ended with a status other than 0, and said why in one place."""
    assert done.returncode not in (0, 99) and done.returncode > 0, (done.returncode, done.stdout, done.stderr)
    assert done.stderr.strip(), done
    return done.stderr


def test_migrate_again_changes_nothing(stack):
    before = stack.sql("SELECT count(*) FROM pg_class")[0][0]
    done = run(stack, "migrate")
    assert done.returncode == 0, done.stderr
    assert stack.sql("SELECT count(*) FROM pg_class")[0][0] == before


def test_a_migration_that_was_changed_afterwards_is_refused(stack):
    (table,) = stack.sql("SELECT oid::regclass::text FROM pg_class WHERE relname = 'app_migrations'")[0]
    column = [r[0] for r in stack.sql("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attname LIKE '%%sum%%'",
                                      table)]
    assert column, "a checksum is kept"
    name = "name" if stack.sql("SELECT 1 FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'name'", table) else "file"
    conn = stack.pg.connect()
    cursor = conn.cursor()
    cursor.execute(f"SELECT {name}, {column[0]} FROM {table} WHERE {name} LIKE '%0001_customers.sql'")
    row = cursor.fetchone()
    try:
        cursor.execute(f"UPDATE {table} SET {column[0]} = {column[0]} || '0' WHERE {name} = %s", (row[0],))
        assert "0001_customers" in refused(run(stack, "migrate"))
    finally:
        cursor.execute(f"UPDATE {table} SET {column[0]} = %s WHERE {name} = %s", (row[1], row[0]))
        conn.close()
    assert run(stack, "migrate").returncode == 0


def test_migrations_at_the_same_time_happen_once():
    """Four operators at once on an empty database."""
    stack = Stack()
    try:
        stack.pg.create()
        stack.sockets = {n: os.path.join(stack.dir, f"{n}.ipc") for n in
                         ("identity", "customers", "pipeline", "activities", "analytics", "exchange")}
        env = stack._environment()
        runs = [subprocess.Popen([os.path.join(BUILD, "sfmsctl"), "migrate"], env=env, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True) for _ in range(4)]
        said = [r.communicate(timeout=120)[0] for r in runs]
        assert [r.returncode for r in runs] == [0] * 4, said
        applied = sum(text.count("applied customers/") for text in said)
        assert applied == len([f for f in os.listdir(os.path.join(os.path.dirname(BUILD), "services/customers/schema"))
                               if f.endswith(".sql")]) or applied == 1
    finally:
        stack.stop()


def test_health(stack):
    done = run(stack, "health")
    assert done.returncode == 0, done.stdout + done.stderr
    for service in ("identity", "customers", "pipeline", "activities", "analytics", "exchange"):
        assert service in done.stdout


def test_health_of_nobody(stack):
    done = run(stack, "health", "--wait", "1", SFMS_SERVICES="customers=ipc:///tmp/sfms-nobody-is-here.ipc")
    refused(done) if done.stderr.strip() else None
    assert done.returncode not in (0, 99)


def test_org_create(stack):
    done = run(stack, "org", "create", "--name", "某某公司 & Co", "--admin-email", "Boss@Example.COM", "--admin-password-file", "-",
               "--currency", "EUR", "--time-zone", "Europe/Berlin", "--locale", "en", stdin=PASSWORD + "\n")
    made = json.loads(done.stdout)
    assert set(made) == {"orgId", "adminId"}
    session = log_in(stack.base, "boss@example.com")
    from lib.api import Api
    me = Api(stack.base, session["accessToken"]).get("/v1/me").ok()
    assert (me["orgName"], me["currency"], me["timeZone"], me["locale"]) == ("某某公司 & Co", "EUR", "Europe/Berlin", "en")


@pytest.mark.parametrize("args", [
    ["--name", "X"], ["--admin-email", "a@b.example"], ["--name", "X", "--admin-email", "no address"],
    ["--name", "", "--admin-email", "a@b.example"], ["--name", "X", "--admin-email", "a@b.example", "--currency", "money"],
    ["--name", "X", "--admin-email", "a@b.example", "--time-zone", "Mars/Base"], ["--surprise", "1"], ["--name"],
])
def test_bad_orgs(args, stack):
    before = stack.sql("SELECT count(*) FROM identity.orgs")[0][0]
    refused(run(stack, "org", "create", *args, "--admin-password-file", "-", stdin=PASSWORD))
    assert stack.sql("SELECT count(*) FROM identity.orgs")[0][0] == before


def test_a_short_admin_password_is_refused(stack):
    refused(run(stack, "org", "create", "--name", "X", "--admin-email", "a@b.example", "--admin-password-file", "-", stdin="short"))


def test_the_same_person_in_two_organisations_says_which(stack):
    for name in ("First Twin Ltd", "Second Twin Ltd"):
        stack.make_org(name, "twin@example.com", PASSWORD)
    from lib.api import Api
    guest = Api(stack.base)
    answer = guest.post("/v1/sessions", json={"email": "twin@example.com", "password": PASSWORD})
    assert answer.status in (400, 401, 409), str(answer)
    answer.problem()
    session = log_in(stack.base, "twin@example.com", org="Second Twin Ltd")
    assert Api(stack.base, session["accessToken"]).get("/v1/me").ok()["orgName"] == "Second Twin Ltd"


def test_call(stack, org):
    done = run(stack, "call", "sfms.customers.v1.Accounts/ListAccounts", '{"pageSize": 1}', "--as-org", org.id, "--as-user", org.admin.id)
    assert done.returncode == 0 and "accounts" in json.loads(done.stdout)
    from_stdin = run(stack, "call", "sfms.customers.v1.Accounts/ListAccounts", "-", "--as-org", org.id, "--as-user", org.admin.id,
                     stdin="{}")
    assert from_stdin.returncode == 0


@pytest.mark.parametrize("args", [
    ["sfms.customers.v1.Accounts/Nothing", "{}"], ["sfms.customers.v1.Accounts/ListAccounts", "{"],
    ["sfms.customers.v1.Accounts/ListAccounts", '{"noSuchField": 1}'], ["sfms.customers.v1.Accounts/ListAccounts"], [],
    ["sfms.customers.v1.Accounts/ListAccounts", "{}"],
])
def test_bad_calls(args, stack):
    refused(run(stack, "call", *args))


def test_load_is_one_transaction(stack, tmp_path):
    good, bad = tmp_path / "good.sql", tmp_path / "bad.sql"
    good.write_text("CREATE TABLE public.loaded (n int); INSERT INTO public.loaded VALUES (1);")
    bad.write_text("INSERT INTO public.loaded VALUES (2); SELECT 1/0;")
    try:
        assert run(stack, "load", str(good)).returncode == 0
        refused(run(stack, "load", str(bad)))
        refused(run(stack, "load", str(tmp_path / "absent.sql")))
        assert stack.sql("SELECT n FROM public.loaded") == [(1,)]
    finally:
        stack.sql("DROP TABLE IF EXISTS public.loaded")


def test_keygen(stack):
    secrets = {stack.ctl("keygen", "secret").strip() for _ in range(3)}
    assert len(secrets) == 3 and all(len(s) >= 32 for s in secrets)
    key = json.loads(stack.ctl("keygen", "token"))
    assert (key["kty"], key["crv"]) == ("EC", "P-256") and key["d"]


def test_without_the_database(stack):
    text = refused(run(stack, "migrate", SFMS_DATABASE_URL="postgresql://owner@/sfms?host=/nowhere"))
    assert "Traceback" not in text


@pytest.mark.parametrize("args", [["nonsense"], [], ["org"], ["keygen"], ["keygen", "coffee"]])
def test_usage(args, stack):
    refused(run(stack, *args))


def test_help(stack):
    done = run(stack, "--help")
    assert done.returncode == 0 and "migrate" in done.stdout and "SFMS_SECRET" in done.stdout


@pytest.mark.parametrize("program", ["sfms-gateway", "sfms-identity", "sfms-customers", "sfms-pipeline", "sfms-activities", "sfms-analytics",
                                     "sfms-exchange"])
def test_a_process_that_is_not_configured_says_what_is_missing(program, stack):
    env = {k: v for k, v in stack.env.items() if not k.startswith("SFMS_")}
    done = subprocess.run([os.path.join(BUILD, program)], env=env, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "SFMS_" in done.stderr, done
    done = subprocess.run([os.path.join(BUILD, program), "--help"], env=env, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and "SFMS_SECRET" in done.stdout

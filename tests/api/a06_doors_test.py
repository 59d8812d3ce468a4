"""What the database lets a service's role do with the rights of the owner: a short list, and nothing for nobody in particular."""
import hashlib
import itertools
import uuid

import psycopg2
import pytest

from lib.org import log_in
from lib.stack import SERVICES

# Functions that run with the owner's rights and that every service may call. None tells a password's hash or takes a token.
FOR_ALL = {
    "app.audit", "app.caller", "app.org_caller", "app.principal", "app.signer", "app.purge",
    "app.claim_job", "app.take_job", "app.park_job", "app.next_job", "app.plan_jobs",   # jobs of all organisations
    "app.heads", "app.watch_events",                                                    # whose log has grown, not by what
    "app.end_grants", "app.grantees_of", "app.record_access", "app.standing", "app.orgs_to_read", "app.shape_version",
}
# And what one of them needs to lock what it points to.
FOR_ONE = {"activities": {"app.record_deleted", "activities.notify_given"}, "customers": {"app.carry"}}


def doors(stack, service, more="true"):
    """Functions with the owner's rights that the role of a service may call, with the types of their arguments."""
    return stack.sql(f"""
        SELECT n.nspname || '.' || p.proname, array(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t)
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE p.prosecdef AND p.prorettype <> 'trigger'::regtype AND {more}
           AND has_function_privilege('sfms_{service}', p.oid, 'EXECUTE') ORDER BY 1""")


@pytest.mark.parametrize("service", [s for s in SERVICES if s != "identity"])
def test_what_is_secret_is_identitys(service, stack):
    wanted = FOR_ALL | FOR_ONE.get(service, set())
    assert {name for name, _ in doors(stack, service)} == wanted, "sessions and passwords are identity's alone"
    for column in ("password_hash", "token_hash"):
        seen = stack.sql(f"""SELECT attrelid::regclass::text FROM pg_attribute
                              WHERE attname = '{column}' AND attnum > 0 AND NOT attisdropped
                                AND has_column_privilege('sfms_{service}', attrelid, attnum, 'SELECT')""")
        assert not seen, "nor does anybody else read them"


def test_nobody_but_services_may_call_them(stack):
    open_to_all = stack.sql("""
        SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE p.prosecdef AND nspname IN ('app', 'identity', 'customers', 'pipeline', 'activities', 'analytics', 'exchange')
           AND p.prorettype <> 'trigger'::regtype
           AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                        WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')""")
    assert not open_to_all


@pytest.mark.parametrize("nobody", [None, ""])
def test_nobody_in_particular_may_do_nothing(nobody, stack, org):
    """A connection as identity that names an organisation and no user, at each door that looks at who asks."""
    log_in(org.base, org.admin.email)
    (session,) = stack.sql("SELECT id FROM identity.sessions WHERE org_id = %s ORDER BY id DESC LIMIT 1", org.id)[0]
    of_type = {"uuid": [org.admin.id, session, None], "text": ["x"], "integer": [10], "text[]": [["x"]], "integer[]": [[10]]}
    state = """SELECT md5(string_agg(t, ',' ORDER BY t)) FROM (
                   SELECT c::text FROM identity.credentials c UNION ALL SELECT s::text FROM identity.sessions s) all_of (t)"""
    found = doors(stack, "identity", "n.nspname = 'identity' AND p.prosrc LIKE '%%app.user_id()%%'")
    assert {"identity.set_password", "identity.end_one_session", "identity.list_sessions"} <= {name for name, _ in found}
    before = stack.sql(state)
    for name, types in found:
        for values in itertools.product(*(of_type[t] for t in types)):
            conn = stack.pg.connect(user="sfms_identity")
            cursor = conn.cursor()
            cursor.execute("SELECT set_config('sfms.org_id', %s, false)", (org.id,))
            if nobody is not None:
                cursor.execute("SELECT set_config('sfms.user_id', %s, false)", (nobody,))
            try:
                cursor.execute(f"SELECT * FROM {name}({', '.join(f'%s::{t}' for t in types)})", values)
                assert all(v in (None, False, 0) for row in cursor.fetchall() for v in row), (name, values)
            except psycopg2.errors.InsufficientPrivilege:
                pass
            finally:
                conn.close()
            assert stack.sql(state) == before, (name, values)


def test_a_kept_request_does_not_give_its_password_away(stack, org):
    """The hash under an Idempotency-Key is of a request that holds a password: without the secret nobody can try one on it."""
    user, key, password = org.person("Rep").id, uuid.uuid4().hex, "a password to be guessed"
    set_it = {"json": {"password": password}, "headers": {"Idempotency-Key": key}}
    org.api.post(f"/v1/users/{user}:setPassword", **set_it).ok()
    again = org.api.post(f"/v1/users/{user}:setPassword", **set_it)
    assert again.ok() is not None and again.headers["Idempotency-Replayed"] == "true"
    kept = stack.sql("SELECT request_hash FROM app.idempotency WHERE key = %s", key)[0][0]
    request = b"".join(bytes([n << 3 | 2, len(v)]) + v.encode() for n, v in ((1, user), (2, password)))
    text = b"sfms.identity.v1.Users/SetPassword 0\n" + request
    master = hashlib.blake2b(stack.secret.encode(), digest_size=32).digest()
    ours = hashlib.blake2b(b"idempotency key", key=master, digest_size=32).digest()
    assert kept == hashlib.blake2b(text, key=ours, digest_size=32).hexdigest(), "this is what is hashed"
    plain = hashlib.blake2b(text, digest_size=32).hexdigest()
    assert kept != plain
    stack.sql("UPDATE app.idempotency SET request_hash = %s WHERE key = %s", plain, key)
    old = org.api.post(f"/v1/users/{user}:setPassword", **set_it)
    assert old.headers["Idempotency-Replayed"] == "true", "what the previous version has kept is answered again, too"

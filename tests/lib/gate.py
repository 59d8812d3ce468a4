"""Whether the database is the gate: what row-level security lacks, said as a list of sentences."""

SERVICE_ROLES = ("sfms_service", "sfms_identity", "sfms_customers", "sfms_pipeline", "sfms_activities", "sfms_analytics",
                 "sfms_exchange")

# Tables without a policy, which nobody but the owner may touch, or only definer functions do: the templates of records,
# the migrations, what identity keeps of passwords and sessions, who waits for events. With row-level security and no policy, nobody sees a row.
CLOSED = {"app.record", "app.part", "app.owned_record", "app_migrations", "identity.credentials", "identity.sessions",
          "identity.attempts", "identity.builtin_roles", "identity.signers", "identity.tickets", "app.watches"}

# Reference data without a tenant, which every service may read.
OPEN = {"app.resources", "app.currencies", "app.loans"}

TABLES = """
    SELECT c.oid, n.nspname || '.' || c.relname, c.relkind, c.relrowsecurity,
           (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid),
           coalesce('security_invoker=true' = ANY (c.reloptions) OR 'security_invoker=on' = ANY (c.reloptions), false),
           pg_get_userbyid(c.relowner)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
       AND n.nspname NOT LIKE 'pg_%' ORDER BY 2"""


def tables(cursor):
    cursor.execute(TABLES)
    return cursor.fetchall()


def gaps(cursor):
    """Every hole in the gate; an empty list if there is none."""
    return _table_gaps(cursor) + _role_gaps(cursor) + _function_gaps(cursor)


def _granted(cursor, oid):
    """The service roles that may do anything with a table or one of its columns."""
    cursor.execute("""SELECT r FROM unnest(%s) r WHERE has_table_privilege(r, %s, 'SELECT, INSERT, UPDATE, DELETE')
                          OR has_any_column_privilege(r, %s, 'SELECT, INSERT, UPDATE')""", (list(SERVICE_ROLES), oid, oid))
    return [row[0] for row in cursor.fetchall()]


def _table_gaps(cursor):
    found = []
    for oid, name, kind, secured, policies, invoker, owner in tables(cursor):
        if owner in SERVICE_ROLES:
            found.append(f"{name} belongs to {owner}, whom row-level security does not bind")
        if kind in "mf":
            found.append(f"{name} is a materialised view or a foreign table, which have no row-level security")
        elif kind == "v":
            if not invoker:
                found.append(f"{name} is a view without security_invoker: it bypasses row-level security")
        elif name in CLOSED or name.split(".")[1] in CLOSED:
            if _granted(cursor, oid):
                found.append(f"{name} is meant for nobody and granted to {_granted(cursor, oid)}")
            if not secured and not name.endswith(".app_migrations"):
                found.append(f"{name} has no row-level security")
        else:
            if not secured:
                found.append(f"{name} has no row-level security")
            if policies == 0:
                found.append(f"{name} has no policy")
    return found


def _role_gaps(cursor):
    cursor.execute("""SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)
                         AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)""",
                   (list(SERVICE_ROLES),))
    found = [f"{row[0]} has powers that pass row-level security" for row in cursor.fetchall()]
    cursor.execute("""SELECT m.rolname, g.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member
                        JOIN pg_roles g ON g.oid = a.roleid
                       WHERE m.rolname = ANY (%s) AND g.rolname <> 'sfms_service'""", (list(SERVICE_ROLES),))
    found += [f"{member} is a member of {group}" for member, group in cursor.fetchall()]
    cursor.execute("""SELECT 'schema ' || nspname, pg_get_userbyid(nspowner) FROM pg_namespace
                       WHERE pg_get_userbyid(nspowner) = ANY (%s)
                      UNION ALL SELECT 'function ' || proname, pg_get_userbyid(proowner) FROM pg_proc
                       WHERE pg_get_userbyid(proowner) = ANY (%s)""", (list(SERVICE_ROLES), list(SERVICE_ROLES)))
    found += [f"{what} belongs to {who}" for what, who in cursor.fetchall()]
    cursor.execute("""SELECT r FROM unnest(%s) r WHERE has_database_privilege(r, current_database(), 'CREATE, TEMPORARY')""",
                   (list(SERVICE_ROLES),))
    return found + [f"{row[0]} may make schemas or temporary tables" for row in cursor.fetchall()]


def _function_gaps(cursor):
    """A SECURITY DEFINER function lends the owner's rights: its caller must not be able to lead it astray with things of his
    own, nor be just anybody. (Making a trigger of a function takes the right to execute it.)"""
    cursor.execute("""SELECT p.oid::regprocedure, coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false),
                             has_function_privilege('public', p.oid, 'EXECUTE')
                        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                       WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')""")
    found = []
    for name, settled, public in cursor.fetchall():
        if not settled:
            found.append(f"{name} is SECURITY DEFINER without SET search_path = pg_catalog, pg_temp")
        if public:
            found.append(f"{name} is SECURITY DEFINER and anybody may execute it")
    return found

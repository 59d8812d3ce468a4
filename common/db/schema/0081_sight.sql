-- How rows are seen and changed, said in one place: app.protect makes all policies of a table from the words for its kinds.
--
-- A role says how far reading, writing, deleting and exporting reach in a collection (nothing, own, team, all); where it says
-- nothing, that is as far as its visibility. Beside that, a record may be shared with a user, a team or a role: a grant.

-- ---- how far the caller reaches ---------------------------------------------------------------------------------

-- sfms.visibility is "TEAM", or "TEAM deals=21100 leads=33331" for a role that says more. The digits are for reading, writing,
-- deleting and exporting: 0 nothing, 1 own, 2 team, 3 all; the last is 1 for who sees what belongs to nobody yet.
CREATE FUNCTION app.reach_of(said text, collection text, verb integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN substr(coalesce(substring(said FROM ' ' || collection || '=([0-3]{5})'),
                           CASE split_part(said, ' ', 1) WHEN 'ORG' THEN '33331' WHEN 'TEAM' THEN '22220' WHEN 'OWN' THEN '11110'
                                ELSE '00000' END), verb, 1)::integer;
END $$;

-- verb: 1 reading, 2 writing, 3 deleting, 4 exporting; 5 is 1 for who sees what belongs to nobody. What follows is short where the
-- role says no more than its visibility: each policy has a copy of it.
CREATE FUNCTION app.reach(collection text, verb integer) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT app.reach_of(coalesce(current_setting('sfms.visibility', true), ''), collection, verb) $$;

CREATE FUNCTION app.sees_all(collection text, verb integer) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE current_setting('sfms.visibility', true) WHEN 'OWN' THEN false WHEN 'ORG' THEN true WHEN 'TEAM' THEN false
                ELSE app.reach(collection, verb) = 3 END
$$;

CREATE FUNCTION app.sees_pool(collection text, verb integer) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT app.reach(collection, 5) = 1 AND app.reach(collection, verb) > 0 $$;

-- The caller as an owner: nobody, for whom the role says nothing.
CREATE FUNCTION app.own(collection text, verb integer) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN CASE current_setting('sfms.visibility', true) WHEN 'OWN' THEN true WHEN 'ORG' THEN true WHEN 'TEAM' THEN true
                          ELSE app.reach(collection, verb) > 0 END THEN app.user_id() END
$$;

-- The owners whose records the caller reaches, unless it is all of them.
CREATE FUNCTION app.seen_owners(collection text, verb integer) RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    CASE app.reach(collection, verb)
        WHEN 0 THEN RETURN '{}';
        WHEN 2 THEN RETURN ARRAY(SELECT owner_id FROM identity.seen_by(app.org_id(), app.user_id())) || app.user_id();
        ELSE RETURN ARRAY[app.user_id()];
    END CASE;
END $$;

-- ---- what is shared ---------------------------------------------------------------------------------------------

CREATE TABLE app.grants (
    org_id      uuid NOT NULL DEFAULT app.org_id(),
    resource    text NOT NULL,
    record_id   uuid NOT NULL,
    grantee_id  uuid NOT NULL,
    rule_id     uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    grantee     text NOT NULL CHECK (grantee IN ('USER', 'TEAM', 'ROLE')),
    writes      boolean NOT NULL DEFAULT false,
    expire_time timestamptz,
    create_time timestamptz NOT NULL DEFAULT now(),
    actor_id    uuid DEFAULT app.user_id(),
    PRIMARY KEY (org_id, resource, record_id, grantee_id, rule_id)
);
COMMENT ON COLUMN app.grants.grantee_id IS 'the user, the team (with all below it, and who manages one of them), or the role';
COMMENT ON COLUMN app.grants.rule_id IS 'the sharing rule that made it; all zero where somebody shared the record';
CREATE INDEX grants_grantee ON app.grants (org_id, grantee_id, resource, record_id);
CREATE INDEX grants_expire_time ON app.grants (expire_time) WHERE expire_time IS NOT NULL;

-- Whom a user is, as somebody may share with him: himself, his role, his team and those that he manages, and all above them.
-- Definer: services do not read who has which role.
CREATE FUNCTION app.grantees_of(in_org uuid, in_user uuid) RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(
        SELECT tree.top_id
          FROM (SELECT team_id FROM identity.users WHERE org_id = in_org AND id = in_user
                UNION
                SELECT id FROM identity.teams WHERE org_id = in_org AND manager_id = in_user) team
          JOIN identity.team_tree tree ON tree.org_id = in_org AND tree.team_id = team.team_id
        UNION
        SELECT role_id FROM identity.users WHERE org_id = in_org AND id = in_user
        UNION
        SELECT in_user WHERE in_user IS NOT NULL)
$$;
REVOKE EXECUTE ON FUNCTION app.grantees_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.grantees_of TO sfms_service;

-- The same of the caller; nobody, at once, where nothing is shared.
CREATE FUNCTION app.grantees() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM app.grants WHERE org_id = app.org_id()) THEN
        RETURN '{}';
    END IF;
    RETURN app.grantees_of(app.org_id(), app.user_id());
END $$;

-- What is shared with the caller of a collection: with whom little is shared, at once, as a set; with whom much is, record by record
-- (10 us). Arrays, as a function of rows costs each statement 8 us, asked or not.
CREATE FUNCTION app.granted_few(in_resource text, in_writes boolean) RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    whom uuid[] := app.grantees();
BEGIN
    IF whom = '{}' OR app.granted_many(in_resource, in_writes) THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT record_id FROM app.grants
                  WHERE org_id = app.org_id() AND grantee_id = ANY (whom) AND resource = in_resource
                    AND (expire_time IS NULL OR expire_time > now()) AND (writes OR NOT in_writes));
END $$;

-- All that is shared with the caller of a collection.
CREATE FUNCTION app.granted_ids(in_resource text) RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    whom uuid[] := app.grantees();
BEGIN
    IF whom = '{}' THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT DISTINCT record_id FROM app.grants
                  WHERE org_id = app.org_id() AND grantee_id = ANY (whom) AND resource = in_resource
                    AND (expire_time IS NULL OR expire_time > now()));
END $$;

-- The same of all collections, each with its name before the id.
CREATE FUNCTION app.granted_few() RETURNS text[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    whom uuid[] := app.grantees();
BEGIN
    IF whom = '{}' OR app.granted_many(NULL, false) THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT resource || record_id FROM app.grants
                  WHERE org_id = app.org_id() AND grantee_id = ANY (whom) AND (expire_time IS NULL OR expire_time > now()));
END $$;

CREATE FUNCTION app.granted_many(in_resource text, in_writes boolean) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    whom uuid[] := app.grantees();
BEGIN
    RETURN whom <> '{}' AND EXISTS (
        SELECT 1 FROM app.grants
         WHERE org_id = app.org_id() AND grantee_id = ANY (whom) AND (in_resource IS NULL OR resource = in_resource)
           AND (writes OR NOT in_writes) OFFSET 1000);
END $$;

-- Whether a record is shared with the caller.
CREATE FUNCTION app.granted(in_resource text, in_record uuid, in_writes boolean) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM app.grants
                    WHERE org_id = app.org_id() AND resource = in_resource AND record_id = in_record
                      AND grantee_id = ANY (app.grantees()) AND (expire_time IS NULL OR expire_time > now())
                      AND (writes OR NOT in_writes));
END $$;

-- The condition that a record is shared with the caller: of a collection by name, or of whatever collection (SQL); record is SQL.
CREATE FUNCTION app.granted_rule(collection text, record text, writes boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('%2$s IN (SELECT unnest(app.granted_few(%1$L, %3$L)))'
                  ' OR ((SELECT app.granted_many(%1$L, %3$L)) AND app.granted(%1$L, %2$s, %3$L))', collection, record, writes)
$$;
CREATE FUNCTION app.any_granted_rule(resource text, record text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('%1$s || %2$s IN (SELECT unnest(app.granted_few()))'
                  ' OR ((SELECT app.granted_many(NULL, false)) AND app.granted(%1$s, %2$s, false))', resource, record)
$$;

-- ---- kinds ------------------------------------------------------------------------------------------------------

-- kinds: how its rows are seen; see app.protect.
ALTER TABLE app.resources ADD COLUMN kinds text[] NOT NULL DEFAULT '{tenant}';

-- The condition that the caller reaches the owner of a row. A set, not an array: a row costs the same whether a manager has two
-- people or two thousand.
CREATE FUNCTION app.owner_rule(collection text, verb integer, pool boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('(SELECT app.sees_all(%1$L, %2$s)) OR owner_id = (SELECT app.own(%1$L, %2$s))'
                  ' OR owner_id IN (SELECT unnest(app.seen_owners(%1$L, %2$s)))%3$s', collection, verb,
                  CASE WHEN pool THEN format(' OR (owner_id IS NULL AND (SELECT app.sees_pool(%L, %s)))', collection, verb) ELSE '' END)
$$;

-- The owners of the records that the caller sees, where these are so few that a set of what they own is made at once; otherwise NULL.
CREATE FUNCTION app.few_owners() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    said text := coalesce(current_setting('sfms.visibility', true), '');
    few  uuid[] := ARRAY[app.user_id()];
BEGIN
    IF said LIKE 'ORG%' OR said ~ '=(3|....1)' THEN
        RETURN NULL;
    END IF;
    IF said LIKE 'TEAM%' OR said ~ '=2' THEN
        few := few || ARRAY(SELECT owner_id FROM identity.seen_by(app.org_id(), app.user_id()) LIMIT 21);
    END IF;
    RETURN CASE WHEN cardinality(few) <= 21 THEN few END;
END $$;

-- The condition that the caller sees the record that a row is about, of whatever collection; resource and record are SQL.
--
-- Who sees the records of few people finds few of all rows, and looks at many for a page: the planner makes a set of what these
-- people own, once (1 ms for 1,000 records, 400 ms for 400,000). Who sees those of many finds a page at once, and looks up the
-- record of each row in turn (10 us); OFFSET 0 keeps the planner from making a set there. Records that are not seen by owner alone
-- are looked at one by one, 80 us each.
CREATE FUNCTION app.about_rule(resource text, record text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('%2$s IS NOT NULL AND (CASE WHEN (SELECT app.few_owners()) IS NOT NULL'
                  ' THEN EXISTS (SELECT 1 FROM app.owned_records o WHERE o.org_id = (SELECT app.org_id())'
                  '                 AND o.owner_id = ANY ((SELECT app.few_owners())::uuid[]) AND o.resource = %1$s AND o.id = %2$s)'
                  '      OR %3$s'
                  ' ELSE EXISTS (SELECT 1 FROM app.owned_records o WHERE o.org_id = (SELECT app.org_id())'
                  '                 AND o.resource = %1$s AND o.id = %2$s OFFSET 0) END'
                  ' OR (%1$s <> ALL ((SELECT app.owned_resources())::text[]) AND app.record_visible(%1$s, %2$s)))',
                  resource, record, app.any_granted_rule(resource, record))
$$;

-- What the kinds of a table say of reading (verb 1) and writing (2) a row, each as SQL; NULL where a kind says nothing of it.
CREATE FUNCTION app.kind_rule(relation regclass, kind text, verb integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    word       text := split_part(kind, ' ', 1);
    collection text := coalesce(nullif(split_part(kind, ' ', 2), ''), app.collection(relation));
    field      text := coalesce(nullif(split_part(kind, ' ', 3), ''), 'id');
    target     record;
BEGIN
    CASE word
        WHEN 'tenant', 'none' THEN
            RETURN 'true';
        WHEN 'user' THEN
            RETURN 'user_id = (SELECT app.user_id())';
        WHEN 'owner', 'pool' THEN
            RETURN app.owner_rule(collection, verb, word = 'pool')
                || CASE WHEN verb = 1 THEN ' OR ' || app.granted_rule(collection, format('%s.%I', relation, field), false)
                        ELSE '' END;
        WHEN 'users' THEN
            RETURN CASE WHEN verb = 1 THEN format('(SELECT app.user_id()) = ANY (%I)', split_part(kind, ' ', 2)) END;
        WHEN 'parent' THEN
            IF kind = 'parent' THEN
                RETURN CASE WHEN verb = 1 THEN app.about_rule(format('%s.related_resource', relation), format('%s.related_id', relation)) END;
            END IF;
            SELECT r.relation, r.name, r.kinds INTO STRICT target FROM app.resources r WHERE r.name = split_part(kind, ' ', 3);
            RETURN format('EXISTS (SELECT 1 FROM %s above WHERE above.org_id = (SELECT app.org_id()) AND above.id = %s.%I%s)',
                          target.relation, relation, split_part(kind, ' ', 2),
                          CASE WHEN verb = 1 OR NOT target.kinds && '{owner,pool}' THEN ''
                               ELSE ' AND (' || app.owner_rule(target.name, 2, 'pool' = ANY (target.kinds)) || ' OR '
                                    || app.granted_rule(target.name, 'above.id', true) || ')' END);
        ELSE
            RAISE EXCEPTION 'unknown kind of protection: %', kind;
    END CASE;
END $$;

-- Puts a table behind row-level security, in the place of what it had. The kinds of its rows, each of which shows them and,
-- unless it says otherwise, lets them be written:
--   tenant                     all of the organisation
--   owner                      by the owner, as far as the role reaches in the collection, which is called like the table; and by grants
--   owner COLLECTION FIELD     the same for a table beside that of the collection, whose column FIELD has the id of the record
--   pool                       as owner; where the owner is NULL, by who sees what belongs to nobody yet
--   parent                     read: who sees the record that the columns related_resource and related_id name
--   parent FIELD COLLECTION    a part: with the record of the collection that the column FIELD names, for reading and writing
--   users FIELD                read: the users whom the column FIELD names, an array
--   user                       only the user's own rows; column user_id
--   none                       no tenant in it: reference data, readable by services
-- A deleted row is changed, and a row is deleted, by who may delete. A grant lets change, but neither delete nor pass on.
-- PostgreSQL evaluates policies in the reverse order of their names: those that cost most come first here.
CREATE FUNCTION app.protect_as(relation regclass, kinds text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    mine      text := CASE WHEN 'none' = ANY (kinds) THEN 'true' ELSE 'org_id = (SELECT app.org_id())' END;
    collection text := app.collection(relation);
    deletable boolean := EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = relation AND attname = 'delete_time' AND NOT attisdropped);
    pool      boolean := 'pool' = ANY (kinds);
    old       record;
    kind      text;
    read      text;
    write     text;
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    FOR old IN SELECT polname FROM pg_policy WHERE polrelid = relation LOOP
        EXECUTE format('DROP POLICY %I ON %s', old.polname, relation);
    END LOOP;
    FOR i IN 1 .. cardinality(kinds) LOOP
        kind := kinds[i];
        read := '(' || mine || ' AND (' || app.kind_rule(relation, kind, 1) || '))';
        write := '(' || mine || ' AND (' || app.kind_rule(relation, kind, 2) || '))';
        IF read = write THEN
            EXECUTE format('CREATE POLICY %I ON %s USING %s', split_part(kind, ' ', 1), relation, read);
            CONTINUE;
        END IF;
        EXECUTE format('CREATE POLICY %I ON %s FOR SELECT USING %s', (10 - i) || ' seen by ' || split_part(kind, ' ', 1), relation, read);
        CONTINUE WHEN write IS NULL;
        EXECUTE format('CREATE POLICY %I ON %s FOR INSERT WITH CHECK %s', 'made by ' || split_part(kind, ' ', 1), relation, write);
        IF deletable AND kind IN ('owner', 'pool') THEN
            write := format('(%s AND CASE WHEN delete_time IS NULL THEN %s OR %s ELSE %s END)', mine,
                            app.owner_rule(collection, 2, pool), app.granted_rule(collection, relation || '.id', true),
                            app.owner_rule(collection, 3, pool));
        END IF;
        EXECUTE format('CREATE POLICY %I ON %s FOR UPDATE USING %s', 'changed by ' || split_part(kind, ' ', 1), relation, write);
        EXECUTE format('CREATE POLICY %I ON %s FOR DELETE USING %s', 'removed by ' || split_part(kind, ' ', 1), relation, write);
    END LOOP;
END $$;

DROP FUNCTION app.protect(regclass, text);
CREATE FUNCTION app.protect(relation regclass, VARIADIC kinds text[]) RETURNS void LANGUAGE sql
AS $$ SELECT app.protect_as(relation, kinds) $$;

-- Who is given a record by somebody cannot be given it by who has it shared with him alone, nor take it.
CREATE FUNCTION app.guard_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.owner_id IS DISTINCT FROM NEW.owner_id AND app.org_id() IS NOT NULL AND NOT app.sees_all(TG_ARGV[0], 2)
       AND NOT coalesce(OLD.owner_id = ANY (app.seen_owners(TG_ARGV[0], 2)), app.sees_pool(TG_ARGV[0], 2)) THEN
        RAISE insufficient_privilege;
    END IF;
    RETURN NEW;
END $$;

-- Keeps what follows from the kinds of a resource: its policies, and who may hand its records on.
CREATE FUNCTION app.see_as(in_relation regclass, in_kinds text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    plain text := (SELECT name FROM app.resources WHERE relation = in_relation);
BEGIN
    UPDATE app.resources SET kinds = in_kinds, by_owner = in_kinds <@ '{owner,pool}' WHERE relation = in_relation;
    PERFORM app.protect_as(in_relation, in_kinds);
    IF in_kinds && '{owner,pool}' THEN
        EXECUTE format('CREATE OR REPLACE TRIGGER guard_owner_again BEFORE UPDATE OF owner_id ON %s FOR EACH ROW'
                       ' EXECUTE FUNCTION app.guard_owner(%L)', in_relation, plain);
    END IF;
    IF in_kinds <@ '{owner,pool}' THEN
        EXECUTE format('GRANT SELECT (owner_id) ON %s TO sfms_service', in_relation);
    END IF;
END $$;

-- Makes a table a resource: protected, versioned, logged, and known by the name of its collection. The kinds are those of
-- app.protect.
DROP FUNCTION app.resource(regclass, text, boolean);
CREATE FUNCTION app.resource(relation regclass, VARIADIC kinds text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    collection text := app.collection(relation);
BEGIN
    INSERT INTO app.resources (name, relation) VALUES (collection, relation);
    PERFORM app.see_as(relation, kinds);
    PERFORM app.touch_last(relation);
    PERFORM app.hold_deleted(relation);
    EXECUTE format('CREATE TRIGGER z_log AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION app.log_event(%s)', relation,
        CASE WHEN kinds[1] LIKE 'parent %' THEN format('%L, %L, %L, %L', collection, '', split_part(kinds[1], ' ', 3), split_part(kinds[1], ' ', 2))
             ELSE quote_literal(collection) END);
    EXECUTE format('GRANT SELECT (org_id, id) ON %s TO sfms_service', relation);
    IF kinds && '{owner,pool}' THEN
        PERFORM app.guard_reference(relation, 'owner_id', 'identity.users', 'is a deleted user', '该用户已删除');
    END IF;
    IF kinds <@ '{owner,pool}' THEN
        PERFORM app.gather_owned_records();
    END IF;
END $$;

SELECT app.protect('app.grants', 'tenant');
GRANT SELECT ON app.grants TO sfms_service;

-- What all services stand on: who is asking, who sees what, the event log, jobs. Everything here is in schema app.
--
-- A service connects as its own role (sfms_pipeline, ...), a member of sfms_service, which owns nothing and cannot
-- bypass row-level security. Who is asking is said per transaction with set_config; nothing said means nothing seen.

--
-- A definer function works with the rights of the owner of everything. Its search_path ends in pg_temp, which otherwise
-- comes first, with types and tables of the caller's making; and only who is meant to may execute it, or make a trigger
-- of it.

CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO sfms_service;

-- ---- who is asking --------------------------------------------------------------------------------------------

-- The tenant, the user, and whose records the user sees (own, team, org), as set for this transaction.
CREATE FUNCTION app.org_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('sfms.org_id', true), '')::uuid $$;

CREATE FUNCTION app.user_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('sfms.user_id', true), '')::uuid $$;

CREATE FUNCTION app.sees_org() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(current_setting('sfms.visibility', true), '') = 'ORG' $$;

-- Today where the user is.
CREATE FUNCTION app.today() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT (now() AT TIME ZONE coalesce(nullif(current_setting('sfms.time_zone', true), ''), 'UTC'))::date $$;

-- Whose records a user with visibility TEAM sees. Kept up to date by identity, from the team tree; the user is
-- always in it.
CREATE TABLE app.sight (
    org_id    uuid NOT NULL,
    viewer_id uuid NOT NULL,
    owner_id  uuid NOT NULL,
    PRIMARY KEY (org_id, viewer_id, owner_id)
);

-- The owners whose records the user sees, unless it is all of them.
CREATE FUNCTION app.seen_owners() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF coalesce(current_setting('sfms.visibility', true), '') <> 'TEAM' THEN
        RETURN ARRAY[app.user_id()];
    END IF;
    RETURN ARRAY(SELECT owner_id FROM app.sight
                  WHERE org_id = app.org_id() AND viewer_id = app.user_id()) || app.user_id();
END $$;

-- What a user may do, for work that is done later on the user's behalf. identity replaces this; until then nobody may
-- do anything.
CREATE FUNCTION app.principal(in_org uuid, in_user uuid, OUT permissions text[], OUT visibility text, OUT time_zone text,
    OUT seen_owners integer) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT '{}'::text[], ''::text, 'UTC'::text, 0 WHERE false $$;

-- ---- the columns that every record has --------------------------------------------------------------------------
-- CREATE TABLE x (LIKE app.record INCLUDING ALL, ...): records of the tenant; app.owned_record: records that belong
-- to a user.

CREATE TABLE app.record (
    org_id          uuid NOT NULL DEFAULT app.org_id(),
    id              uuid NOT NULL,
    version         bigint NOT NULL DEFAULT 1,
    create_time     timestamptz NOT NULL DEFAULT now(),
    update_time     timestamptz NOT NULL DEFAULT now(),
    delete_time     timestamptz,
    external_id     text,
    external_source text,
    custom_fields   jsonb CHECK (jsonb_typeof(custom_fields) = 'object'),
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX record_external_id ON app.record (org_id, external_source, external_id)
    NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
CREATE INDEX record_create_time ON app.record (org_id, create_time, id);
CREATE INDEX record_update_time ON app.record (org_id, update_time, id);

CREATE TABLE app.owned_record (
    LIKE app.record INCLUDING ALL,
    owner_id uuid NOT NULL DEFAULT app.user_id()
);
CREATE INDEX owned_record_owner_id ON app.owned_record (org_id, owner_id, id);

-- The version is the ETag; whoever writes, it moves on.
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.update_time := now();
    RETURN NEW;
END $$;

-- ---- the event log ----------------------------------------------------------------------------------------------
-- Every write of a tracked table, in the same transaction, with the row before and after; readers make the
-- difference. A reader goes by (xid, seq) and stops below pg_snapshot_xmin: what is below that is complete, so a
-- transaction that commits late is never skipped.

-- The number of this transaction, and the mark below which all is complete, as events count: the server's own, until
-- app.shift_events says otherwise.
CREATE FUNCTION app.event_xid() RETURNS xid8 LANGUAGE sql
AS $$ SELECT pg_current_xact_id() $$;

CREATE FUNCTION app.event_mark() RETURNS xid8 LANGUAGE sql STABLE
AS $$ SELECT pg_snapshot_xmin(pg_current_snapshot()) $$;

CREATE TABLE app.events (
    org_id     uuid NOT NULL,
    xid        xid8 NOT NULL DEFAULT app.event_xid(),
    seq        bigint GENERATED ALWAYS AS IDENTITY,
    event_time timestamptz NOT NULL DEFAULT now(),
    actor_id   uuid,
    resource   text NOT NULL,
    record_id  uuid NOT NULL,
    owner_id   uuid,
    action     text NOT NULL CHECK (action IN ('CREATED', 'UPDATED', 'DELETED', 'UNDELETED')),
    before     jsonb,
    after      jsonb,
    PRIMARY KEY (org_id, xid, seq)
);
CREATE INDEX events_record ON app.events (org_id, record_id, xid, seq);

-- Definer, so that services can neither forge nor change events.
CREATE FUNCTION app.log_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - 'search_text' END;
    new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - 'search_text' END;
    one     jsonb := coalesce(new_row, old_row);
BEGIN
    INSERT INTO app.events (org_id, actor_id, resource, record_id, owner_id, action, before, after)
    VALUES ((one->>'org_id')::uuid, app.user_id(), TG_ARGV[0], (one->>'id')::uuid, (one->>'owner_id')::uuid,
            CASE WHEN TG_OP = 'INSERT' THEN 'CREATED'
                 WHEN TG_OP = 'DELETE' THEN 'DELETED'
                 WHEN old_row->>'delete_time' IS NULL AND new_row->>'delete_time' IS NOT NULL THEN 'DELETED'
                 WHEN old_row->>'delete_time' IS NOT NULL AND new_row->>'delete_time' IS NULL THEN 'UNDELETED'
                 ELSE 'UPDATED' END,
            old_row, new_row);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION app.log_event FROM PUBLIC;

-- A server that a dump was restored into counts its transactions from the beginning: new events would stand before the old
-- ones, and readers would never see them. Where that is so, this adds to the numbers what takes them beyond all events,
-- and beyond those that readers have seen since the dump was made; true if it did. `sfmsctl migrate` calls it each time.
CREATE FUNCTION app.shift_events() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last  xid8;
    shift numeric;
BEGIN
    SELECT e.xid INTO last
      FROM identity.orgs o, LATERAL (SELECT xid FROM app.events WHERE org_id = o.org_id ORDER BY xid DESC LIMIT 1) e
     ORDER BY e.xid DESC LIMIT 1;
    IF last IS NULL OR last <= app.event_xid() THEN
        RETURN false;
    END IF;
    shift := last::text::numeric + 2 ^ 32::numeric - pg_current_xact_id()::text::numeric;
    EXECUTE format('CREATE OR REPLACE FUNCTION app.event_xid() RETURNS xid8 LANGUAGE sql'
                   ' AS $f$ SELECT (pg_current_xact_id()::text::bigint + %s)::text::xid8 $f$', trunc(shift));
    EXECUTE format('CREATE OR REPLACE FUNCTION app.event_mark() RETURNS xid8 LANGUAGE sql STABLE'
                   ' AS $f$ SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + %s)::text::xid8 $f$',
                   trunc(shift));
    RETURN true;
END $$;

-- ---- one call per table -----------------------------------------------------------------------------------------

-- The resources by collection name, and where they are. by_owner: a record is seen by who sees its owner, and by nobody
-- else.
CREATE TABLE app.resources (
    name     text PRIMARY KEY,
    relation regclass NOT NULL,
    by_owner boolean NOT NULL DEFAULT false
);

-- Puts a table behind row-level security. kind: 'tenant' (all of the organisation), 'owner' (by the user's visibility),
-- 'user' (only the user's own rows; column user_id), 'none' (no tenant in it: reference data, readable by services).
CREATE FUNCTION app.protect(relation regclass, kind text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    rule text := CASE kind
        WHEN 'tenant' THEN 'org_id = (SELECT app.org_id())'
        -- A set, not an array: a row costs the same whether a manager has two people or two thousand.
        WHEN 'owner' THEN 'org_id = (SELECT app.org_id()) AND ((SELECT app.sees_org()) OR owner_id = (SELECT app.user_id())'
                          ' OR owner_id IN (SELECT unnest(app.seen_owners())))'
        WHEN 'user' THEN 'org_id = (SELECT app.org_id()) AND user_id = (SELECT app.user_id())'
        WHEN 'none' THEN 'true' END;
BEGIN
    IF rule IS NULL THEN
        RAISE EXCEPTION 'unknown kind of protection: %', kind;
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY %I ON %s USING (%s)', kind, relation, rule);
END $$;

-- The records of all collections that are seen by owner alone, each behind the policy of its table: for policies of what hangs
-- on records (see activities.activity).
CREATE VIEW app.owned_records WITH (security_invoker = true) AS
    SELECT NULL::text AS resource, NULL::uuid AS org_id, NULL::uuid AS id, NULL::uuid AS owner_id WHERE false;

CREATE FUNCTION app.gather_owned_records() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW app.owned_records WITH (security_invoker = true) AS '
        || (SELECT string_agg(format('SELECT %L::text AS resource, org_id, id, owner_id FROM %s', name, relation), ' UNION ALL ')
              FROM app.resources WHERE by_owner);
END $$;

-- What is deleted gets nothing new; what it has, it keeps. Refuses rows of a table whose field begins to name a deleted row of
-- the target, in two languages. After the row is there, as an upsert of what is there already inserts nothing. Definer: also a
-- target that the user does not see counts. Whoever writes is not deleted, and need not be looked at.
CREATE FUNCTION app.guard_reference(relation regclass, field text, target text, english text, chinese text) RETURNS void
LANGUAGE plpgsql AS $make$
DECLARE
    guard text := format('app.guard_%s_%s', replace(relation::text, '.', '_'), field);
BEGIN
    EXECUTE format($$
        CREATE FUNCTION %1$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $guard$
        BEGIN
            IF EXISTS (SELECT 1 FROM %2$s WHERE org_id = NEW.org_id AND id = NEW.%3$I AND delete_time IS NOT NULL) THEN
                RAISE EXCEPTION USING COLUMN = %3$L, HINT = 'DELETED_RECORD', MESSAGE = %4$L, DETAIL = %5$L;
            END IF;
            RETURN NULL;
        END $guard$;
        REVOKE EXECUTE ON FUNCTION %1$s FROM PUBLIC;
        CREATE TRIGGER guard_%3$s AFTER INSERT ON %6$s FOR EACH ROW
            WHEN (NEW.%3$I IS NOT NULL AND NEW.%3$I IS DISTINCT FROM app.user_id()) EXECUTE FUNCTION %1$s();
        CREATE TRIGGER guard_%3$s_again AFTER UPDATE ON %6$s FOR EACH ROW
            WHEN (NEW.%3$I <> OLD.%3$I OR (NEW.%3$I IS NOT NULL AND OLD.%3$I IS NULL)) EXECUTE FUNCTION %1$s();
        $$, guard, target, field, english, chinese, relation);
END $make$;

-- Makes a table a resource: protected, versioned, logged, and known by its name (that of the table). shared: other policies,
-- which follow, show more of it.
CREATE FUNCTION app.resource(relation regclass, kind text, shared boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    plain text := (SELECT relname FROM pg_class WHERE oid = relation);
BEGIN
    PERFORM app.protect(relation, kind);
    EXECUTE format('CREATE TRIGGER touch BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION app.touch()', relation);
    EXECUTE format('CREATE TRIGGER z_log AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION app.log_event(%L)',
                   relation, plain);
    EXECUTE format('GRANT SELECT (org_id, id) ON %s TO sfms_service', relation);
    IF kind = 'owner' THEN
        PERFORM app.guard_reference(relation, 'owner_id', 'identity.users', 'is a deleted user', '该用户已删除');
    END IF;
    INSERT INTO app.resources VALUES (plain, relation, kind = 'owner' AND NOT shared);
    IF kind = 'owner' AND NOT shared THEN
        EXECUTE format('GRANT SELECT (owner_id) ON %s TO sfms_service', relation);
        PERFORM app.gather_owned_records();
    END IF;
END $$;

-- Whether the user sees a record of any kind: for what hangs on records (notes, tasks, history).
CREATE FUNCTION app.record_visible(in_resource text, in_id uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    target regclass;
    seen   boolean;
BEGIN
    SELECT relation INTO target FROM app.resources WHERE name = in_resource;
    IF target IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s WHERE org_id = app.org_id() AND id = $1)', target)
       INTO seen USING in_id;
    RETURN seen;
END $$;

-- The collections whose records are seen by owner alone. record_visible serves the others.
CREATE FUNCTION app.owned_resources() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT array_agg(name) FROM app.resources WHERE by_owner $$;

SELECT app.protect('app.resources', 'none');
GRANT SELECT ON app.resources, app.owned_records TO sfms_service;

ALTER TABLE app.record ENABLE ROW LEVEL SECURITY;       -- templates: no policy, so nobody sees or writes them
ALTER TABLE app.owned_record ENABLE ROW LEVEL SECURITY;

ALTER TABLE app.sight ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewer ON app.sight USING (org_id = (SELECT app.org_id()) AND viewer_id = (SELECT app.user_id()));
GRANT SELECT ON app.sight TO sfms_service;

-- An event is seen by who sees its record's owner; events of records without owner by all of the organisation; and all
-- events of the one record that the reader has just proved to see (sfms.seen_record, for history after a change of owner).
ALTER TABLE app.events ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON app.events USING (
    org_id = (SELECT app.org_id())
    AND (owner_id IS NULL OR (SELECT app.sees_org()) OR owner_id IN (SELECT unnest(app.seen_owners()))
         OR record_id = (SELECT nullif(current_setting('sfms.seen_record', true), '')::uuid)));
GRANT SELECT ON app.events TO sfms_service;

-- ---- jobs -------------------------------------------------------------------------------------------------------

CREATE TABLE app.jobs (
    org_id      uuid NOT NULL DEFAULT app.org_id(),
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id     uuid NOT NULL DEFAULT app.user_id(),
    kind        text NOT NULL,
    payload     jsonb NOT NULL DEFAULT '{}',
    state       text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED')),
    cancel      boolean NOT NULL DEFAULT false,     -- somebody wants it to end; its runner obeys at the next beat
    progress    jsonb,
    error       text,
    attempt     integer NOT NULL DEFAULT 0,
    run_at      timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    create_time timestamptz NOT NULL DEFAULT now(),
    end_time    timestamptz,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX jobs_due ON app.jobs (run_at) WHERE state IN ('PENDING', 'RUNNING');
CREATE INDEX jobs_ended ON app.jobs (end_time) WHERE end_time IS NOT NULL;
SELECT app.protect('app.jobs', 'tenant');
GRANT SELECT, INSERT, UPDATE ON app.jobs TO sfms_service;

-- Takes one due job of the given kinds, of any tenant, for 20 seconds; no row if there is none. A job whose lease has
-- expired is due again: when a process dies, another takes its jobs up soon. Runners renew the lease as they go.
CREATE FUNCTION app.claim_job(kinds text[]) RETURNS SETOF app.jobs LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE app.jobs j SET state = 'RUNNING', attempt = j.attempt + 1, lease_until = now() + interval '20 seconds'
      FROM (SELECT org_id, id FROM app.jobs
             WHERE state IN ('PENDING', 'RUNNING') AND run_at <= now() AND kind = ANY (kinds)
               AND (state = 'PENDING' OR lease_until < now())
             ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED) due
     WHERE j.org_id = due.org_id AND j.id = due.id
    RETURNING j.*
$$;
REVOKE EXECUTE ON FUNCTION app.claim_job FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.claim_job TO sfms_service;

-- ---- idempotency ------------------------------------------------------------------------------------------------

-- Answers of writes that carried an Idempotency-Key, kept for 24 hours.
CREATE TABLE app.idempotency (
    org_id       uuid NOT NULL DEFAULT app.org_id(),
    user_id      uuid NOT NULL DEFAULT app.user_id(),
    key          text NOT NULL,
    request_hash text NOT NULL,
    reply        bytea,
    create_time  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id, key)
);
CREATE INDEX idempotency_create_time ON app.idempotency (create_time);
SELECT app.protect('app.idempotency', 'user');
GRANT SELECT, INSERT, UPDATE, DELETE ON app.idempotency TO sfms_service;

-- ---- what is forgotten ------------------------------------------------------------------------------------------

-- Forgets, for all tenants, answers that were kept longer than 24 hours and jobs that ended more than a week ago: whoever
-- waited for one has its result elsewhere. At most so many of each; answers how many it were in all. Definer, because a
-- runner of jobs sees only the rows of the organisation on whose behalf it works.
CREATE FUNCTION app.purge(in_most integer) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    WITH answers AS (
        DELETE FROM app.idempotency WHERE (org_id, user_id, key) IN (
            SELECT org_id, user_id, key FROM app.idempotency
             WHERE create_time < now() - interval '24 hours' LIMIT in_most FOR UPDATE SKIP LOCKED)
        RETURNING 1
    ), ended AS (
        DELETE FROM app.jobs WHERE (org_id, id) IN (
            SELECT org_id, id FROM app.jobs
             WHERE end_time < now() - interval '7 days' LIMIT in_most FOR UPDATE SKIP LOCKED)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM answers) + (SELECT count(*) FROM ended)
$$;
REVOKE EXECUTE ON FUNCTION app.purge FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.purge TO sfms_service;

-- ---- text -------------------------------------------------------------------------------------------------------

-- Text as it is compared in a search: full and half width, upper and lower case are the same.
CREATE FUNCTION app.fold(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT lower(normalize(t, NFKC)) $$;

-- Text as a search looks at it: folded, and digits without what people put between them (138-0013 8000). With a body that
-- PostgreSQL reads at once, not a string: so a dump knows that it needs app.fold, before the tables with generated columns.
CREATE FUNCTION app.searched(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(app.fold(t), '(?<=[0-9])[ .()-]+(?=[0-9])', '', 'g');

-- What is searched for in it: the same, also without such signs before and after, and without the zeros that a phone number is
-- dialled with, as stored ones (+44 20 ...) do not have them.
CREATE FUNCTION app.search_key(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN length(key) > 1 THEN key ELSE app.searched(t) END
      FROM regexp_replace(regexp_replace(app.searched(t), '^[ .()-]+(?=[0-9])|(?<=[0-9])[ .()-]+$', '', 'g'),
                          '^00?(?=[1-9][0-9]{6,})', '') key
$$;

-- Every pair of neighbouring characters; a single character is its own. An index over grams finds a substring of two
-- characters in any script, which trigrams cannot. A loop, as it runs on every write: half the time of an aggregate.
CREATE FUNCTION app.grams(t text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    grams text[] := '{}';
BEGIN
    FOR i IN 1 .. greatest(length(t) - 1, 1) LOOP
        grams[i] := substr(t, i, 2);
    END LOOP;
    RETURN grams;
END $$;

-- ---- speed behind row-level security ----------------------------------------------------------------------------

-- PostgreSQL lets a condition use an index ahead of a policy only if its function is marked as not telling anything about
-- its arguments, in an error for example. Comparisons of dates, texts and integers are; of numeric they are not, nor is
-- what a search needs, though none of them says more than true or false. Without the marks a filter on an amount or a
-- search reads the whole organisation (245 ms against 1 ms at 200,000 deals). Only a superuser may set them, and
-- pg_upgrade forgets them, so `sfmsctl migrate` calls this each time; false if the caller may not.
CREATE FUNCTION app.mark_leakproof() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    f regprocedure;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RETURN false;
    END IF;
    FOREACH f IN ARRAY ARRAY['numeric_lt(numeric,numeric)', 'numeric_le(numeric,numeric)', 'numeric_eq(numeric,numeric)',
                             'numeric_ne(numeric,numeric)', 'numeric_ge(numeric,numeric)', 'numeric_gt(numeric,numeric)',
                             'arraycontains(anyarray,anyarray)', 'strpos(text,text)', 'app.grams(text)']::regprocedure[]
    LOOP
        IF NOT (SELECT proleakproof FROM pg_proc WHERE oid = f) THEN
            EXECUTE format('ALTER FUNCTION %s LEAKPROOF', f);
        END IF;
    END LOOP;
    RETURN true;
END $$;

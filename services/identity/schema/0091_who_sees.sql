-- Sharing over the API: whom something may be shared with, and who sees a record, and why.

-- The rule_id of what somebody has shared.
CREATE FUNCTION app.by_hand() RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT '00000000-0000-0000-0000-000000000000'::uuid $$;

-- Definer: services do not read which users and roles are deleted.
CREATE FUNCTION identity.check_grantee() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone timestamptz;
BEGIN
    CASE NEW.grantee
        WHEN 'USER' THEN SELECT delete_time INTO gone FROM identity.users WHERE org_id = NEW.org_id AND id = NEW.grantee_id;
        WHEN 'TEAM' THEN SELECT delete_time INTO gone FROM identity.teams WHERE org_id = NEW.org_id AND id = NEW.grantee_id;
        ELSE SELECT delete_time INTO gone FROM identity.roles WHERE org_id = NEW.org_id AND id = NEW.grantee_id;
    END CASE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING COLUMN = lower(NEW.grantee) || '_id', HINT = 'NO_SUCH_RECORD', MESSAGE = 'names a record that does not exist',
            DETAIL = '所指记录不存在';
    ELSIF gone IS NOT NULL THEN
        RAISE EXCEPTION USING COLUMN = lower(NEW.grantee) || '_id', HINT = 'DELETED_RECORD', MESSAGE = 'is a deleted record',
            DETAIL = '该记录已删除';
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION identity.check_grantee FROM PUBLIC;
CREATE TRIGGER check_grantee BEFORE INSERT ON app.grants FOR EACH ROW EXECUTE FUNCTION identity.check_grantee();

-- Who sees a record, each with every reason, in no order; of one user alone if he is named. Whose role may not read the collection
-- is not among them. deep: also those who see the record that it is about.
CREATE FUNCTION identity.viewers(in_resource text, in_id uuid, in_user uuid, deep boolean DEFAULT true)
RETURNS TABLE (user_id uuid, display_name text, reason text, writes boolean, deletes boolean, via_id uuid, expire_time timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    org    uuid := app.org_id();
    kinds  text[];
    target regclass;
    one    jsonb;
    owner  uuid;
    named  text;
BEGIN
    SELECT r.relation, r.kinds INTO target, kinds FROM app.resources r WHERE r.name = in_resource;
    EXECUTE format('SELECT to_jsonb(t) FROM %s t WHERE org_id = $1 AND id = $2', target) INTO one USING org, in_id;
    owner := (one->>'owner_id')::uuid;
    named := (SELECT split_part(k, ' ', 2) FROM unnest(kinds) k WHERE k LIKE 'users %');
    RETURN QUERY
    WITH people AS (
        SELECT u.id, u.display_name, u.team_id, u.role_id, identity.reach_digits(r, in_resource) AS digits,
               in_resource || '.write' = ANY (r.permissions) AS may_write, in_resource || '.delete' = ANY (r.permissions) AS may_delete
          FROM identity.users u JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
         WHERE u.org_id = org AND NOT u.disabled AND u.delete_time IS NULL AND (in_user IS NULL OR u.id = in_user)
           AND in_resource || '.read' = ANY (r.permissions)
    ), tops AS ( -- the teams whose people see what the owner has
        SELECT tree.top_id FROM identity.users o JOIN identity.team_tree tree ON tree.org_id = org AND tree.team_id = o.team_id
         WHERE o.org_id = org AND o.id = owner
        UNION
        SELECT tree.top_id FROM identity.teams t
          JOIN identity.team_tree tree ON tree.org_id = org AND tree.team_id = t.id AND tree.top_id <> t.id
         WHERE t.org_id = org AND t.manager_id = owner
    ), at AS ( -- the teams that somebody belongs to or manages
        SELECT p.id, p.team_id FROM people p WHERE p.team_id IS NOT NULL
        UNION
        SELECT t.manager_id, t.id FROM identity.teams t WHERE t.org_id = org AND t.manager_id IN (SELECT people.id FROM people)
    ), why AS (
        SELECT p.id, 'EVERYTHING' AS reason, 3 AS needs FROM people p WHERE p.digits LIKE '3%' AND kinds && '{owner,pool}'
        UNION ALL
        SELECT p.id, 'OWNER', 1 FROM people p WHERE p.id = owner AND p.digits NOT LIKE '0%'
        UNION ALL
        SELECT DISTINCT p.id, 'TEAM_OF_OWNER', 2 FROM people p JOIN at ON at.id = p.id
         WHERE p.digits LIKE '2%' AND p.id <> owner AND at.team_id IN (SELECT top_id FROM tops)
        UNION ALL
        SELECT p.id, 'POOL', 1 FROM people p WHERE owner IS NULL AND 'pool' = ANY (kinds) AND p.digits ~ '^[12]...1'
        UNION ALL
        SELECT p.id, 'NAMED', 9 FROM people p WHERE named IS NOT NULL AND one->named ? p.id::text
    )
    SELECT p.id, p.display_name, w.reason,
           p.may_write AND one->>'delete_time' IS NULL AND substr(p.digits, 2, 1)::integer >= w.needs,
           p.may_delete AND substr(p.digits, 3, 1)::integer >= w.needs, NULL::uuid, NULL::timestamptz
      FROM why w JOIN people p ON p.id = w.id
    UNION ALL
    SELECT DISTINCT p.id, p.display_name, 'SHARED', p.may_write AND g.writes AND one->>'delete_time' IS NULL, false, g.grantee_id, g.expire_time
      FROM app.grants g
      JOIN people p ON g.grantee_id IN (p.id, p.role_id)
                       OR EXISTS (SELECT 1 FROM at JOIN identity.team_tree tree ON tree.org_id = org AND tree.team_id = at.team_id
                                   WHERE at.id = p.id AND tree.top_id = g.grantee_id)
     WHERE g.org_id = org AND g.resource = in_resource AND g.record_id = in_id AND (g.expire_time IS NULL OR g.expire_time > now());
    IF deep AND 'parent' = ANY (kinds) AND one->>'related_id' IS NOT NULL THEN
        RETURN QUERY
        SELECT DISTINCT v.user_id, v.display_name, 'ABOUT', false, false, NULL::uuid, NULL::timestamptz
          FROM identity.viewers(one->>'related_resource', (one->>'related_id')::uuid, in_user, false) v
          JOIN identity.users u ON u.org_id = org AND u.id = v.user_id
          JOIN identity.roles r ON r.org_id = org AND r.id = u.role_id AND in_resource || '.read' = ANY (r.permissions);
    END IF;
END $$;

-- What ACCESS answers: about one user, who sees it otherwise, and with whom it is shared. Definer, as services read neither roles
-- nor who may sign in; whether the caller may ask, the policy of the record has decided.
CREATE FUNCTION app.record_access(in_resource text, in_id uuid, in_user uuid, OUT user_id uuid, OUT reads boolean, OUT writes boolean,
    OUT deletes boolean, OUT reasons jsonb, OUT viewers jsonb, OUT more_viewers boolean, OUT shares jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    user_id := in_user;
    SELECT count(*) > 0, coalesce(bool_or(v.writes), false), coalesce(bool_or(v.deletes), false),
           coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('userId', v.user_id, 'displayName', v.display_name,
               'reason', v.reason, 'writes', v.writes, 'deletes', v.deletes, 'viaId', v.via_id, 'expireTime', v.expire_time))
               ORDER BY v.reason, v.via_id), '[]')
      INTO reads, writes, deletes, reasons FROM identity.viewers(in_resource, in_id, in_user, true) v;
    SELECT count(*) > 200, coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('userId', v.user_id, 'displayName', v.display_name,
               'reason', v.reason, 'writes', v.writes, 'deletes', v.deletes, 'viaId', v.via_id, 'expireTime', v.expire_time))
               ORDER BY v.n) FILTER (WHERE v.n <= 200), '[]')
      INTO more_viewers, viewers
      FROM (SELECT row_number() OVER (ORDER BY w.display_name, w.user_id, w.reason, w.via_id) AS n, w.*
              FROM identity.viewers(in_resource, in_id, NULL, true) w LIMIT 201) v;
    SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               lower(g.grantee) || 'Id', g.grantee_id, 'level', CASE WHEN g.writes THEN 'WRITE' ELSE 'READ' END,
               'expireTime', g.expire_time, 'createTime', g.create_time, 'actorId', g.actor_id))
               ORDER BY g.create_time, g.grantee_id), '[]')
      INTO shares FROM (SELECT * FROM app.grants
                         WHERE org_id = app.org_id() AND resource = in_resource AND record_id = in_id
                           AND (expire_time IS NULL OR expire_time > now()) LIMIT 200) g;
END $$;
REVOKE EXECUTE ON FUNCTION app.record_access, identity.viewers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.record_access TO sfms_service;

-- A share that ends has a job for that moment: from then on it shows nothing by itself; that its row goes is what tells the feed.
CREATE FUNCTION identity.end_in_time() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.expire_time IS NOT NULL THEN
        PERFORM app.add_job('end_shares', in_run_at => NEW.expire_time, in_as_org => true);
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION identity.end_in_time FROM PUBLIC;
CREATE TRIGGER end_in_time AFTER INSERT OR UPDATE OF expire_time ON app.grants FOR EACH ROW EXECUTE FUNCTION identity.end_in_time();

-- ---- what is forgotten ------------------------------------------------------------------------------------------

-- As before, and shares whose time is over: nothing is seen by them any more; that they go tells those who follow the feed.
CREATE OR REPLACE FUNCTION app.purge(in_most integer) RETURNS bigint LANGUAGE sql SECURITY DEFINER
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
    SELECT (SELECT count(*) FROM answers) + (SELECT count(*) FROM ended) + app.end_grants(in_most)
$$;

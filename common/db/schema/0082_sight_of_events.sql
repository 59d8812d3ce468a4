-- An event is seen by who sees its record. It carries the sight of its record: the owner, or that it belongs to nobody yet, and the
-- record that it hangs on; what is shared is looked up. Who gains or loses a record by a grant hears so by an event for him alone.

-- for_id: the user, team or role that the event is for, and nobody else. moved: the owner has changed; other_owner_id is the one
-- before, NULL if it belonged to nobody.
ALTER TABLE app.events ADD COLUMN for_id uuid, ADD COLUMN parent_resource text, ADD COLUMN parent_id uuid, ADD COLUMN moved boolean;

-- As before, with the sight of the record. A second argument that is not empty stands for a table whose writes are not all events:
-- the next one has what has changed since the last. The third and fourth are of a part: the collection above it, and the column
-- that names the record there.
CREATE OR REPLACE FUNCTION app.log_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old_row jsonb;
    new_row jsonb;
    one     jsonb;
    former  uuid;
    moved   boolean;
    above   text;
    below   uuid;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
        RETURN NULL;
    END IF;
    old_row := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - 'search_text' END;
    new_row := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - 'search_text' END;
    one := coalesce(new_row, old_row);
    IF TG_OP = 'UPDATE' AND TG_NARGS > 1 AND TG_ARGV[1] <> '' THEN
        SELECT e.after INTO old_row FROM app.events e
         WHERE e.org_id = NEW.org_id AND e.record_id = NEW.id AND e.after IS NOT NULL ORDER BY e.xid DESC, e.seq DESC LIMIT 1;
    END IF;
    above := CASE WHEN TG_NARGS > 3 THEN TG_ARGV[2] ELSE one->>'related_resource' END;
    below := CASE WHEN TG_NARGS > 3 THEN one->>TG_ARGV[3] ELSE one->>'related_id' END;
    IF TG_OP = 'UPDATE' AND old_row IS NOT NULL AND old_row->>'owner_id' IS DISTINCT FROM new_row->>'owner_id' THEN
        former := old_row->>'owner_id';
        moved := true;
        INSERT INTO app.events (org_id, resource, record_id, owner_id, other_owner_id, action)
        VALUES ((one->>'org_id')::uuid, TG_ARGV[0], (one->>'id')::uuid, former, (one->>'owner_id')::uuid, 'OUT_OF_SIGHT');
    END IF;
    INSERT INTO app.events (org_id, actor_id, resource, record_id, owner_id, other_owner_id, moved, parent_resource, parent_id, action,
                            before, after)
    VALUES ((one->>'org_id')::uuid, app.user_id(), TG_ARGV[0], (one->>'id')::uuid, (one->>'owner_id')::uuid, former, moved, above, below,
            CASE WHEN TG_OP = 'INSERT' THEN 'CREATED'
                 WHEN TG_OP = 'DELETE' THEN 'DELETED'
                 WHEN old_row->>'delete_time' IS NULL AND new_row->>'delete_time' IS NOT NULL THEN 'DELETED'
                 WHEN old_row->>'delete_time' IS NOT NULL AND new_row->>'delete_time' IS NULL THEN 'UNDELETED'
                 ELSE 'UPDATED' END,
            old_row, new_row);
    RETURN NULL;
END $$;

-- ---- who sees an event ------------------------------------------------------------------------------------------

-- The collections of which the caller sees all records; those where he reaches as far as the argument says, and no further; and
-- those of which he sees what belongs to nobody.
CREATE FUNCTION app.seen_wholly() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT ARRAY(SELECT name FROM app.resources WHERE kinds[1] = 'tenant' OR (kinds[1] NOT LIKE 'parent%' AND app.reach(name, 1) = 3)) $$;

CREATE FUNCTION app.reached(reach integer) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT ARRAY(SELECT name FROM app.resources WHERE app.reach(name, 1) = reach) $$;

CREATE FUNCTION app.seen_pools() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT ARRAY(SELECT name FROM app.resources WHERE 'pool' = ANY (kinds) AND app.sees_pool(name, 1)) $$;

-- The people whose records the caller sees where he reaches his team; himself where he does so nowhere.
CREATE FUNCTION app.team_owners() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    said text := coalesce(current_setting('sfms.visibility', true), '');
BEGIN
    IF said LIKE 'TEAM%' OR said ~ '=2' THEN
        RETURN ARRAY(SELECT owner_id FROM identity.seen_by(app.org_id(), app.user_id())) || app.user_id();
    END IF;
    RETURN ARRAY[app.user_id()];
END $$;

-- Whether the caller sees what somebody owns in a collection, or what nobody does (NULL); team is app.team_owners().
CREATE FUNCTION app.sees_owner(collection text, owner uuid, team uuid[]) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE app.reach(collection, 1)
        WHEN 3 THEN true
        WHEN 2 THEN CASE WHEN owner IS NULL THEN app.sees_pool(collection, 1) ELSE owner = ANY (team) END
        WHEN 1 THEN CASE WHEN owner IS NULL THEN app.sees_pool(collection, 1) ELSE owner = app.user_id() END
        ELSE false END
$$;

-- All events of the one record that the reader has just proved to see are open to him (sfms.seen_record), for history after a
-- change of owner. They are looked for first, and what an event hangs on, last.
DO $$
BEGIN
    DROP POLICY owner ON app.events;
    EXECUTE format('CREATE POLICY seen ON app.events FOR SELECT USING (org_id = (SELECT app.org_id()) AND (CASE'
        ' WHEN for_id IS NOT NULL THEN for_id = ANY ((SELECT app.grantees_of(app.org_id(), app.user_id()))::uuid[])'
        ' ELSE resource = ANY ((SELECT app.seen_wholly())::text[])'
        ' OR (owner_id IN (SELECT unnest(app.team_owners()))'
        '     AND (resource = ANY ((SELECT app.reached(2))::text[])'
        '          OR (owner_id = (SELECT app.user_id()) AND resource = ANY ((SELECT app.reached(1))::text[]))))'
        ' OR record_id = (SELECT nullif(current_setting(''sfms.seen_record'', true), '''')::uuid)'
        ' OR (owner_id IS NULL AND resource = ANY ((SELECT app.seen_pools())::text[]))'
        ' OR %s'
        ' OR (action <> ''OUT_OF_SIGHT'' AND %s) END))',
        app.any_granted_rule('events.resource', 'events.record_id'), app.about_rule('events.parent_resource', 'events.parent_id'));
END $$;

-- A name for what the reader sees: another one when owners have come into his sight or left it, or when he is in another team or
-- has another role with which something is shared. What is no more than a number of rows and a sum of hashes costs a tenth of a sorted list.
CREATE OR REPLACE FUNCTION app.sight_mark() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    said text := coalesce(current_setting('sfms.visibility', true), '');
BEGIN
    IF said = 'ORG' THEN
        RETURN 'org';
    END IF;
    RETURN said || (SELECT count(*) || ':' || coalesce(sum(hashtextextended(id::text, 0)), 0)
                      FROM (SELECT unnest(app.team_owners()) AS id
                            UNION
                            SELECT id FROM unnest(app.grantees_of(app.org_id(), app.user_id())) id
                             WHERE id IN (SELECT top_id FROM identity.team_tree WHERE org_id = app.org_id())
                                OR EXISTS (SELECT 1 FROM app.grants WHERE org_id = app.org_id() AND grantee_id = id)) seen);
END $$;

-- ---- shares -----------------------------------------------------------------------------------------------------

-- Whether the caller may share a record, or take a share back: who reaches its owner for writing. A grant passes on nothing.
CREATE FUNCTION app.may_share(in_resource text, in_id uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    target regclass := (SELECT relation FROM app.resources WHERE name = in_resource AND kinds && '{owner,pool}');
    may    boolean;
BEGIN
    IF target IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s WHERE org_id = app.org_id() AND id = $1 AND delete_time IS NULL AND (%s))',
                   target, app.owner_rule(in_resource, 2, false)) INTO may USING in_id;
    RETURN may;
END $$;

DROP POLICY tenant ON app.grants;
CREATE POLICY seen ON app.grants FOR SELECT USING (org_id = (SELECT app.org_id()));
CREATE POLICY made ON app.grants FOR INSERT WITH CHECK (org_id = (SELECT app.org_id()) AND app.may_share(resource, record_id));
CREATE POLICY changed ON app.grants FOR UPDATE USING (org_id = (SELECT app.org_id()) AND app.may_share(resource, record_id));
CREATE POLICY removed ON app.grants FOR DELETE USING (org_id = (SELECT app.org_id()) AND app.may_share(resource, record_id));
GRANT INSERT, UPDATE, DELETE ON app.grants TO sfms_service;

-- Tells the grantee: the whole record when he gains it, and when he loses it that it has gone out of his sight, which the feed leaves
-- out for who sees it otherwise.
CREATE FUNCTION app.log_grant() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one    app.grants := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    target regclass := (SELECT relation FROM app.resources WHERE name = one.resource);
    image  jsonb;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.expire_time IS NOT DISTINCT FROM NEW.expire_time THEN
        RETURN NULL; -- what is gained or lost is sight, not the right to write
    END IF;
    EXECUTE format('SELECT to_jsonb(r) - ''search_text'' FROM %s r WHERE org_id = $1 AND id = $2', target)
       INTO image USING one.org_id, one.record_id;
    IF image IS NULL THEN
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO app.events (org_id, for_id, resource, record_id, other_owner_id, action)
        VALUES (one.org_id, one.grantee_id, one.resource, one.record_id, (image->>'owner_id')::uuid, 'OUT_OF_SIGHT');
    ELSE
        INSERT INTO app.events (org_id, actor_id, for_id, resource, record_id, owner_id, action, after)
        VALUES (one.org_id, app.user_id(), one.grantee_id, one.resource, one.record_id, (image->>'owner_id')::uuid,
                CASE WHEN image->>'delete_time' IS NULL THEN 'CREATED' ELSE 'DELETED' END, image);
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION app.log_grant FROM PUBLIC;
CREATE TRIGGER log AFTER INSERT OR UPDATE OR DELETE ON app.grants FOR EACH ROW EXECUTE FUNCTION app.log_grant();

-- Takes away, for all tenants, at most so many grants whose time is over. Nothing is seen by them any more; this is what tells
-- those who follow the feed.
CREATE FUNCTION app.end_grants(in_most integer) RETURNS bigint LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    WITH ended AS (
        DELETE FROM app.grants WHERE (org_id, resource, record_id, grantee_id, rule_id) IN (
            SELECT org_id, resource, record_id, grantee_id, rule_id FROM app.grants
             WHERE expire_time <= now() LIMIT in_most FOR UPDATE SKIP LOCKED)
        RETURNING 1)
    SELECT count(*) FROM ended
$$;
REVOKE EXECUTE ON FUNCTION app.end_grants FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.end_grants TO sfms_service;

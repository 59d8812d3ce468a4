-- Roles say how far they reach in each collection, where that is not as permissions and visibility say: those stay the short form.

-- access: [{"collection": "deals", "read": "TEAM", "write": "OWN", "delete": "NONE", "export": "OWN", "pool": true}]. A verb that is
-- not given is as permissions and visibility say.
ALTER TABLE identity.roles ADD COLUMN access jsonb NOT NULL DEFAULT '[]';

-- What a role says of a verb (read, write, delete, export) in a collection: 0 to 3 as in app.reach; NULL for nothing.
CREATE FUNCTION identity.said_reach(entry jsonb, verb text) RETURNS integer LANGUAGE sql IMMUTABLE
AS $$ SELECT array_position('{NONE,OWN,TEAM,ORG}'::text[], entry->>verb) - 1 $$;

-- How far a role reaches in a collection: the five digits of app.reach_of. Who may delete may do as much with a row as the policy for
-- changing it wants; that he may change nothing else is the matter of the permission.
CREATE FUNCTION identity.reach_digits(role identity.roles, collection text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    entry   jsonb := (SELECT e FROM jsonb_array_elements(role.access) e WHERE e->>'collection' = collection LIMIT 1);
    plain   integer := array_position('{OWN,TEAM,ORG}'::text[], role.visibility);
    reads   integer := coalesce(identity.said_reach(entry, 'read'), plain);
    writes  integer := coalesce(identity.said_reach(entry, 'write'), least(plain, reads));
    deletes integer := coalesce(identity.said_reach(entry, 'delete'), CASE WHEN writes = 0 THEN least(plain, reads) ELSE least(plain, writes) END);
    exports integer := coalesce(identity.said_reach(entry, 'export'), reads);
BEGIN
    RETURN concat(reads, CASE WHEN writes = 0 THEN deletes ELSE writes END, deletes, exports,
                  CASE WHEN reads = 3 OR coalesce((entry->>'pool')::boolean, false) THEN 1 ELSE 0 END);
END $$;

-- The setting that policies read, behind the visibility.
CREATE FUNCTION identity.reach_text(role identity.roles) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(string_agg(name || '=' || identity.reach_digits(role, name), ' ' ORDER BY name), '')
      FROM (SELECT e->>'collection' AS name FROM jsonb_array_elements(role.access) e) named
$$;

CREATE OR REPLACE FUNCTION app.standing(in_org uuid, in_user uuid, OUT reach text, OUT granted integer) LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT identity.reach_text(r) INTO reach FROM identity.users u JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
     WHERE u.org_id = in_org AND u.id = in_user;
    granted := 0;
    IF EXISTS (SELECT 1 FROM app.grants WHERE org_id = in_org) THEN
        SELECT greatest(count(*), 1) INTO granted
          FROM (SELECT 1 FROM app.grants WHERE org_id = in_org AND grantee_id = ANY (app.grantees_of(in_org, in_user)) LIMIT 1001) few;
    END IF;
END $$;

-- ---- nobody gives more than he has ------------------------------------------------------------------------------

-- Refuses a role that permits, reaches or shows more than the caller's own.
CREATE FUNCTION identity.require_role(role identity.roles) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    mine identity.roles;
BEGIN
    PERFORM identity.require_cover(role.permissions, role.visibility);
    SELECT r.* INTO mine FROM identity.users u JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
     WHERE u.org_id = app.org_id() AND u.id = app.user_id();
    IF mine.id IS NULL OR (mine.access = '[]' AND role.access = '[]') THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT 1 FROM jsonb_array_elements(mine.access || role.access) e, generate_series(1, 5) verb
                WHERE substr(identity.reach_digits(role, e->>'collection'), verb, 1)
                      > substr(identity.reach_digits(mine, e->>'collection'), verb, 1)) THEN
        RAISE insufficient_privilege USING HINT = 'ROLE_EXCEEDS_YOURS',
            MESSAGE = 'The role permits or shows more than yours does.', DETAIL = '该角色的权限或可见范围超出您自己的角色。';
    END IF;
END $$;

-- What a role says of a collection must make sense: nobody changes, deletes or exports what he does not see.
CREATE FUNCTION identity.check_access(role identity.roles) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    entry jsonb;
    at    integer;
    digits text;
    field text;
BEGIN
    FOR entry, at IN SELECT e, n - 1 FROM jsonb_array_elements(role.access) WITH ORDINALITY x (e, n) LOOP
        IF NOT EXISTS (SELECT 1 FROM app.resources WHERE name = entry->>'collection') THEN
            RAISE EXCEPTION USING COLUMN = format('access[%s].collection', at), HINT = 'BAD_VALUE', MESSAGE = 'is no collection',
                DETAIL = '不是任何对象的名称';
        END IF;
        digits := identity.reach_digits(role, entry->>'collection');
        field := CASE WHEN substr(digits, 4, 1) > substr(digits, 1, 1) THEN 'export'
                      WHEN coalesce(identity.said_reach(entry, 'write'), 0) > substr(digits, 1, 1)::integer THEN 'write'
                      WHEN substr(digits, 3, 1) > substr(digits, 2, 1) OR substr(digits, 3, 1) > substr(digits, 1, 1) THEN 'delete' END;
        IF field IS NOT NULL THEN
            RAISE EXCEPTION USING COLUMN = format('access[%s].%s', at, field), HINT = 'REACHES_TOO_FAR',
                MESSAGE = CASE WHEN field = 'delete' THEN 'must not reach further than write and read'
                               ELSE 'must not reach further than read' END,
                DETAIL = CASE WHEN field = 'delete' THEN '不能超出写入和读取的范围' ELSE '不能超出读取的范围' END;
        END IF;
        IF role.permissions && '{users.write,teams.write}' AND translate(left(digits, 4), '03', '') <> '' THEN
            RAISE EXCEPTION USING COLUMN = format('access[%s]', at), HINT = 'MUST_SEE_ALL',
                MESSAGE = 'must be NONE or ORG with users.write or teams.write, which decide who sees what',
                DETAIL = '拥有 users.write 或 teams.write 权限时必须为 NONE 或 ORG，因为它们决定谁能看到什么';
        END IF;
        IF (SELECT count(*) FROM jsonb_array_elements(role.access) e WHERE e->>'collection' = entry->>'collection') > 1 THEN
            RAISE EXCEPTION USING COLUMN = format('access[%s].collection', at), HINT = 'TWICE', MESSAGE = 'is named twice', DETAIL = '重复出现';
        END IF;
    END LOOP;
END $$;

-- Permissions and access say the same: what is written of the one changes the other.
CREATE FUNCTION identity.agree(role identity.roles, former identity.roles) RETURNS identity.roles LANGUAGE plpgsql AS $$
DECLARE
    word  text;
    reach integer;
    held  text;
    entry jsonb;
    at    integer;
BEGIN
    FOR entry, at IN SELECT e, n - 1 FROM jsonb_array_elements(role.access) WITH ORDINALITY x (e, n) LOOP
        FOREACH word IN ARRAY ARRAY['read', 'write', 'delete'] LOOP
            held := (entry->>'collection') || '.' || word;
            reach := identity.said_reach(entry, word);
            IF reach IS NULL OR (reach > 0) = (held = ANY (role.permissions)) THEN
                CONTINUE;
            ELSIF former.id IS NOT NULL AND former.access = role.access THEN -- the permissions were written
                role.access := jsonb_set(role.access, ARRAY[at::text, word], CASE WHEN reach > 0 THEN '"NONE"' ELSE 'null' END::jsonb);
            ELSIF reach = 0 THEN
                role.permissions := array_remove(role.permissions, held);
            ELSIF EXISTS (SELECT 1 FROM identity.builtin_roles b WHERE b.builtin = 'ADMIN' AND held = ANY (b.permissions)) THEN
                role.permissions := role.permissions || held;
            END IF;
        END LOOP;
    END LOOP;
    RETURN role;
END $$;

CREATE OR REPLACE FUNCTION identity.guard_role() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW := identity.agree(NEW, NULL);
    ELSE
        NEW := identity.agree(NEW, OLD);
    END IF;
    IF app.user_id() IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.builtin IS NOT NULL OR (TG_OP = 'UPDATE' AND OLD.builtin IS NOT NULL) THEN
        RAISE EXCEPTION USING HINT = 'BUILTIN_ROLE', MESSAGE = 'Built-in roles cannot be changed or deleted.',
            DETAIL = '内置角色不能修改或删除。';
    END IF;
    PERFORM identity.guard_reach(NEW);
    PERFORM identity.check_access(NEW);
    PERFORM identity.require_role(NEW);
    IF TG_OP = 'INSERT' THEN
        RETURN NEW;
    END IF;
    PERFORM identity.require_role(OLD);
    IF NEW.delete_time IS NOT NULL AND OLD.delete_time IS NULL
       AND EXISTS (SELECT 1 FROM identity.users
                    WHERE org_id = NEW.org_id AND role_id = NEW.id AND delete_time IS NULL) THEN
        RAISE EXCEPTION USING HINT = 'IN_USE', MESSAGE = 'Users have this role; give them another first.',
            DETAIL = '仍有用户使用该角色，请先为其更换角色。';
    END IF;
    RETURN NEW;
END $$;

-- As before, with the whole of a role.

CREATE OR REPLACE FUNCTION identity.guard_place(one identity.users) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place identity.roles;
    gone  timestamptz;
BEGIN
    SELECT * INTO place FROM identity.roles WHERE org_id = one.org_id AND id = one.role_id FOR KEY SHARE;
    IF place.delete_time IS NOT NULL THEN
        RAISE EXCEPTION USING COLUMN = 'role_id', HINT = 'DELETED_RECORD', MESSAGE = 'is a deleted role',
            DETAIL = '该角色已删除';
    END IF;
    SELECT delete_time INTO gone FROM identity.teams WHERE org_id = one.org_id AND id = one.team_id FOR KEY SHARE;
    IF gone IS NOT NULL THEN
        RAISE EXCEPTION USING COLUMN = 'team_id', HINT = 'DELETED_RECORD', MESSAGE = 'is a deleted team',
            DETAIL = '该团队已删除';
    END IF;
    IF place.id IS NOT NULL THEN
        PERFORM identity.require_role(place);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION identity.guard_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM identity.guard_place(NEW);
        RETURN NEW;
    END IF;
    IF (NEW.role_id, NEW.team_id, NEW.delete_time) IS DISTINCT FROM (OLD.role_id, OLD.team_id, OLD.delete_time) THEN
        PERFORM identity.guard_place(NEW);
    END IF;
    PERFORM identity.require_role(r)
       FROM identity.roles r WHERE r.org_id = OLD.org_id AND r.id = OLD.role_id;
    IF OLD.id = app.user_id() AND ((NEW.disabled AND NOT OLD.disabled) OR NEW.delete_time IS NOT NULL) THEN
        RAISE EXCEPTION USING HINT = 'YOURSELF', MESSAGE = 'You cannot disable or delete yourself.',
            DETAIL = '不能停用或删除自己。';
    END IF;
    IF identity.is_active_admin(OLD) AND NOT identity.is_active_admin(NEW) THEN
        PERFORM identity.guard_last_admin(OLD);
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION identity.set_password(in_user uuid, in_hash text, in_keep uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    target identity.roles;
    ended  integer;
BEGIN
    IF app.user_id() IS NULL THEN
        RAISE insufficient_privilege;
    END IF;
    SELECT r.* INTO target FROM identity.users u JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
     WHERE u.org_id = app.org_id() AND u.id = in_user AND u.delete_time IS NULL;
    IF target.id IS NULL THEN
        RETURN -1;
    END IF;
    IF in_user IS DISTINCT FROM app.user_id() AND NOT identity.caller_covers('{users.write}', 'OWN') THEN
        RAISE insufficient_privilege;
    END IF;
    PERFORM identity.require_role(target);
    INSERT INTO identity.credentials (org_id, user_id, password_hash) VALUES (app.org_id(), in_user, in_hash)
        ON CONFLICT (org_id, user_id) DO UPDATE SET password_hash = excluded.password_hash, update_time = now();
    UPDATE identity.sessions SET revoke_time = now()
     WHERE org_id = app.org_id() AND user_id = in_user AND revoke_time IS NULL AND expire_time > now()
       AND id IS DISTINCT FROM in_keep;
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END $$;

CREATE OR REPLACE FUNCTION identity.end_one_session(in_session uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner record;
    place identity.roles;
BEGIN
    IF app.user_id() IS NULL THEN
        RAISE insufficient_privilege;
    END IF;
    SELECT s.user_id, u.role_id INTO owner
      FROM identity.sessions s
      JOIN identity.users u ON u.org_id = s.org_id AND u.id = s.user_id
     WHERE s.org_id = app.org_id() AND s.id = in_session AND s.revoke_time IS NULL AND s.expire_time > now();
    IF NOT FOUND OR (owner.user_id IS DISTINCT FROM app.user_id() AND NOT identity.caller_covers('{users.write}', 'OWN')) THEN
        RETURN false;
    END IF;
    IF owner.user_id IS DISTINCT FROM app.user_id() THEN
        SELECT * INTO place FROM identity.roles WHERE org_id = app.org_id() AND id = owner.role_id;
        PERFORM identity.require_role(place);
    END IF;
    UPDATE identity.sessions s SET revoke_time = now() WHERE s.org_id = app.org_id() AND s.id = in_session;
    RETURN true;
END $$;

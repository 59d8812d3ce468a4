-- What must hold among users, teams and roles, whoever writes. Work without a user (tools, definer functions) is trusted
-- as far as roles go.
--
-- A refusal is P0001 with the sentence in English (MESSAGE) and Chinese (DETAIL), its name (HINT) and the field (COLUMN),
-- or 42501 where the caller lacks a right.

-- ---- time zones -------------------------------------------------------------------------------------------------
-- A zone that the database does not know would break every statement that asks what today is.

CREATE FUNCTION identity.is_time_zone(zone text) RETURNS boolean LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    PERFORM now() AT TIME ZONE zone;
    RETURN zone ~ '^(UTC|[A-Za-z_]+(/[A-Za-z0-9_+-]+)+)$';
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END $$;
ALTER TABLE identity.orgs ADD CONSTRAINT orgs_time_zone_check CHECK (identity.is_time_zone(time_zone));
ALTER TABLE identity.users ADD CONSTRAINT users_time_zone_check CHECK (identity.is_time_zone(time_zone));

-- ---- nobody gives more than he has ------------------------------------------------------------------------------

CREATE FUNCTION identity.sight_rank(visibility text) RETURNS integer LANGUAGE sql IMMUTABLE
AS $$ SELECT array_position(ARRAY['OWN', 'TEAM', 'ORG'], visibility) $$;

-- Whether the caller's role permits and shows at least this much.
CREATE FUNCTION identity.caller_covers(in_permissions text[], in_visibility text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM identity.users u JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
                    WHERE u.org_id = app.org_id() AND u.id = app.user_id() AND in_permissions <@ r.permissions
                      AND identity.sight_rank(in_visibility) <= identity.sight_rank(r.visibility))
$$;

CREATE FUNCTION identity.require_cover(in_permissions text[], in_visibility text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF app.user_id() IS NOT NULL AND NOT identity.caller_covers(in_permissions, in_visibility) THEN
        RAISE insufficient_privilege USING HINT = 'ROLE_EXCEEDS_YOURS',
            MESSAGE = 'The role permits or shows more than yours does.', DETAIL = '该角色的权限或可见范围超出您自己的角色。';
    END IF;
END $$;

-- ---- roles ------------------------------------------------------------------------------------------------------

-- Who writes users and teams decides who sees whom, himself included: to give that to a role that does not see all would
-- let its users see all after all.
CREATE FUNCTION identity.guard_reach(role identity.roles) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF role.visibility <> 'ORG' AND role.permissions && '{users.write,teams.write}' THEN
        RAISE EXCEPTION USING COLUMN = 'visibility', HINT = 'MUST_SEE_ALL',
            MESSAGE = 'must be ORG with users.write or teams.write, which decide who sees what',
            DETAIL = '拥有 users.write 或 teams.write 权限时必须为 ORG，因为它们决定谁能看到什么';
    END IF;
END $$;

CREATE FUNCTION identity.guard_role() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF app.user_id() IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.builtin IS NOT NULL OR (TG_OP = 'UPDATE' AND OLD.builtin IS NOT NULL) THEN
        RAISE EXCEPTION USING HINT = 'BUILTIN_ROLE', MESSAGE = 'Built-in roles cannot be changed or deleted.',
            DETAIL = '内置角色不能修改或删除。';
    END IF;
    PERFORM identity.guard_reach(NEW);
    PERFORM identity.require_cover(NEW.permissions, NEW.visibility);
    IF TG_OP = 'INSERT' THEN
        RETURN NEW;
    END IF;
    PERFORM identity.require_cover(OLD.permissions, OLD.visibility);
    IF NEW.delete_time IS NOT NULL AND OLD.delete_time IS NULL
       AND EXISTS (SELECT 1 FROM identity.users
                    WHERE org_id = NEW.org_id AND role_id = NEW.id AND delete_time IS NULL) THEN
        RAISE EXCEPTION USING HINT = 'IN_USE', MESSAGE = 'Users have this role; give them another first.',
            DETAIL = '仍有用户使用该角色，请先为其更换角色。';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON identity.roles FOR EACH ROW EXECUTE FUNCTION identity.guard_role();

-- ---- teams ------------------------------------------------------------------------------------------------------

CREATE FUNCTION identity.guard_team_parent(team identity.teams) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF team.parent_id IS NULL THEN
        RETURN;
    END IF;
    PERFORM identity.lock_org(team.org_id);
    IF EXISTS (SELECT 1 FROM identity.teams
                WHERE org_id = team.org_id AND id = team.parent_id AND delete_time IS NOT NULL) THEN
        RAISE EXCEPTION USING COLUMN = 'parent_id', HINT = 'DELETED_RECORD', MESSAGE = 'is a deleted team',
            DETAIL = '该团队已删除';
    END IF;
    IF EXISTS (WITH RECURSIVE up (id, parent_id) AS (
                   SELECT id, parent_id FROM identity.teams WHERE org_id = team.org_id AND id = team.parent_id
                   UNION
                   SELECT t.id, t.parent_id FROM up JOIN identity.teams t ON t.org_id = team.org_id AND t.id = up.parent_id)
               SELECT 1 FROM up WHERE id = team.id) THEN
        RAISE EXCEPTION USING COLUMN = 'parent_id', HINT = 'TEAM_CIRCLE', MESSAGE = 'is the team itself or below it',
            DETAIL = '上级团队不能是自己或自己的下级';
    END IF;
END $$;

CREATE FUNCTION identity.guard_team() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM identity.guard_team_parent(NEW);
        RETURN NEW;
    END IF;
    IF NEW.delete_time IS NULL AND (NEW.parent_id IS DISTINCT FROM OLD.parent_id OR OLD.delete_time IS NOT NULL) THEN
        PERFORM identity.guard_team_parent(NEW);
    END IF;
    IF NEW.delete_time IS NULL OR OLD.delete_time IS NOT NULL THEN
        RETURN NEW;
    END IF;
    PERFORM identity.lock_org(NEW.org_id);
    IF EXISTS (SELECT 1 FROM identity.users WHERE org_id = NEW.org_id AND team_id = NEW.id AND delete_time IS NULL)
       OR EXISTS (SELECT 1 FROM identity.teams WHERE org_id = NEW.org_id AND parent_id = NEW.id AND delete_time IS NULL) THEN
        RAISE EXCEPTION USING HINT = 'IN_USE', MESSAGE = 'The team has members or teams below it; move them first.',
            DETAIL = '该团队仍有成员或下级团队，请先移走。';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON identity.teams FOR EACH ROW EXECUTE FUNCTION identity.guard_team();

-- ---- users ------------------------------------------------------------------------------------------------------

CREATE FUNCTION identity.is_active_admin(one identity.users) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT one.disabled AND one.delete_time IS NULL
       AND EXISTS (SELECT 1 FROM identity.roles WHERE org_id = one.org_id AND id = one.role_id AND builtin = 'ADMIN')
$$;

CREATE FUNCTION identity.guard_last_admin(one identity.users) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM identity.lock_org(one.org_id);
    IF NOT EXISTS (SELECT 1 FROM identity.users u
                    WHERE u.org_id = one.org_id AND u.id <> one.id AND identity.is_active_admin(u)) THEN
        RAISE EXCEPTION USING HINT = 'LAST_ADMIN', MESSAGE = 'The organisation would be left without an administrator.',
            DETAIL = '该组织将没有任何管理员。';
    END IF;
END $$;

-- The role and the team that a user is given must be there, and the role within the caller's own.
CREATE FUNCTION identity.guard_place(one identity.users) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place identity.roles;
BEGIN
    SELECT * INTO place FROM identity.roles WHERE org_id = one.org_id AND id = one.role_id;
    IF place.delete_time IS NOT NULL THEN
        RAISE EXCEPTION USING COLUMN = 'role_id', HINT = 'DELETED_RECORD', MESSAGE = 'is a deleted role',
            DETAIL = '该角色已删除';
    END IF;
    IF EXISTS (SELECT 1 FROM identity.teams
                WHERE org_id = one.org_id AND id = one.team_id AND delete_time IS NOT NULL) THEN
        RAISE EXCEPTION USING COLUMN = 'team_id', HINT = 'DELETED_RECORD', MESSAGE = 'is a deleted team',
            DETAIL = '该团队已删除';
    END IF;
    IF place.id IS NOT NULL THEN
        PERFORM identity.require_cover(place.permissions, place.visibility);
    END IF;
END $$;

CREATE FUNCTION identity.guard_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM identity.guard_place(NEW);
        RETURN NEW;
    END IF;
    IF (NEW.role_id, NEW.team_id, NEW.delete_time) IS DISTINCT FROM (OLD.role_id, OLD.team_id, OLD.delete_time) THEN
        PERFORM identity.guard_place(NEW);
    END IF;
    PERFORM identity.require_cover(r.permissions, r.visibility)
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
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON identity.users FOR EACH ROW EXECUTE FUNCTION identity.guard_user();

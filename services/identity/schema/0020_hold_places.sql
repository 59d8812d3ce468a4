-- Who is given a role or a team, or a team that is given a parent, holds it while he looks whether it is deleted: as its key does
-- (see app.hold_deleted), and before, so that what is looked at stays. Otherwise as before.

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
        PERFORM identity.require_cover(place.permissions, place.visibility);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION identity.guard_team_parent(team identity.teams) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    gone timestamptz;
BEGIN
    IF team.parent_id IS NULL THEN
        RETURN;
    END IF;
    SELECT delete_time INTO gone FROM identity.teams
     WHERE org_id = team.org_id AND id = team.parent_id FOR KEY SHARE; -- before the organisation, as a deletion has them
    PERFORM identity.lock_org(team.org_id);
    IF gone IS NOT NULL THEN
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

SELECT app.guard_reference('identity.teams', 'manager_id', 'identity.users', 'is a deleted user', '该用户已删除');

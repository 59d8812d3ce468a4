-- As before, and a team that is made below itself is such a circle, too: it is not there yet for the look upwards to meet it.
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
    IF team.parent_id = team.id OR EXISTS (WITH RECURSIVE up (id, parent_id) AS (
                   SELECT id, parent_id FROM identity.teams WHERE org_id = team.org_id AND id = team.parent_id
                   UNION
                   SELECT t.id, t.parent_id FROM up JOIN identity.teams t ON t.org_id = team.org_id AND t.id = up.parent_id)
               SELECT 1 FROM up WHERE id = team.id) THEN
        RAISE EXCEPTION USING COLUMN = 'parent_id', HINT = 'TEAM_CIRCLE', MESSAGE = 'is the team itself or below it',
            DETAIL = '上级团队不能是自己或自己的下级';
    END IF;
END $$;

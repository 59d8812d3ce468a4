-- Who sees whose records, without pairs of people: what is kept is the tree of teams, each team with all that are above it, and
-- people are found through it when somebody asks. A user who comes, moves or becomes a manager changes nothing but his own row.

CREATE TABLE identity.team_tree (
    org_id  uuid NOT NULL,
    top_id  uuid NOT NULL, -- the team itself, or one above it
    team_id uuid NOT NULL,
    PRIMARY KEY (org_id, top_id, team_id)
);
CREATE INDEX team_tree_team ON identity.team_tree (org_id, team_id);
SELECT app.protect('identity.team_tree', 'tenant');
GRANT SELECT ON identity.team_tree TO sfms_service;
GRANT SELECT (manager_id) ON identity.teams TO sfms_service;

-- The members of a team are read from the index alone.
CREATE INDEX users_of_team ON identity.users (org_id, team_id, id);
DROP INDEX identity.users_team;

-- Brings identity.team_tree in line for some teams and all that are below them, whether deleted or not: each with those above it,
-- up to one that is deleted. Nobody else's way up goes through them. One change at a time for an organisation, so that two cannot
-- each miss the other.
CREATE FUNCTION identity.refresh_tree(in_org uuid, in_teams uuid[]) RETURNS void LANGUAGE plpgsql SET jit = off AS $$
BEGIN
    PERFORM identity.lock_org(in_org);
    WITH RECURSIVE touched (id) AS (
        SELECT unnest(in_teams)
        UNION
        SELECT t.id FROM touched JOIN identity.teams t ON t.org_id = in_org AND t.parent_id = touched.id
    ), up (top_id, team_id, parent_id) AS (
        SELECT t.id, t.id, t.parent_id FROM touched
          JOIN identity.teams t ON t.org_id = in_org AND t.id = touched.id AND t.delete_time IS NULL
        UNION
        SELECT t.id, up.team_id, t.parent_id FROM up
          JOIN identity.teams t ON t.org_id = in_org AND t.id = up.parent_id AND t.delete_time IS NULL
    ), gone AS (
        DELETE FROM identity.team_tree o USING touched WHERE o.org_id = in_org AND o.team_id = touched.id
           AND NOT EXISTS (SELECT 1 FROM up WHERE up.top_id = o.top_id AND up.team_id = o.team_id)
    )
    INSERT INTO identity.team_tree (org_id, top_id, team_id) SELECT in_org, top_id, team_id FROM up ON CONFLICT DO NOTHING;
END $$;

-- Whose records a user with visibility TEAM sees: the members of the teams at and below his own team and those that he manages,
-- and the managers of the teams further down. Somebody may be named twice. The user himself need not be among them.
CREATE FUNCTION identity.seen_by(in_org uuid, in_user uuid) RETURNS TABLE (owner_id uuid) LANGUAGE sql STABLE AS $$
    WITH below AS (
        SELECT tree.team_id, bool_or(tree.team_id <> tree.top_id) AS further
          FROM (SELECT team_id FROM identity.users WHERE org_id = in_org AND id = in_user
                UNION ALL
                SELECT id FROM identity.teams WHERE org_id = in_org AND manager_id = in_user) top
          JOIN identity.team_tree tree ON tree.org_id = in_org AND tree.top_id = top.team_id
         GROUP BY tree.team_id
    )
    SELECT u.id FROM below JOIN identity.users u ON u.org_id = in_org AND u.team_id = below.team_id
    UNION ALL
    SELECT t.manager_id FROM below JOIN identity.teams t ON t.org_id = in_org AND t.id = below.team_id
     WHERE below.further AND t.manager_id IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION app.seen_owners() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF coalesce(current_setting('sfms.visibility', true), '') <> 'TEAM' THEN
        RETURN ARRAY[app.user_id()];
    END IF;
    RETURN ARRAY(SELECT owner_id FROM identity.seen_by(app.org_id(), app.user_id())) || app.user_id();
END $$;

-- As before.
CREATE OR REPLACE FUNCTION app.caller(in_org uuid, in_user uuid, OUT permissions text[], OUT visibility text, OUT time_zone text,
    OUT seen_owners integer, OUT currency text, OUT country text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.permissions, r.visibility, coalesce(u.time_zone, o.time_zone),
           (SELECT count(*)::int FROM (SELECT 1 FROM identity.seen_by(u.org_id, u.id) LIMIT 101) few),
           o.currency, o.country
      FROM identity.users u
      JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
      JOIN identity.orgs o ON o.org_id = u.org_id AND o.id = u.org_id
     WHERE u.org_id = in_org AND u.id = in_user AND NOT u.disabled AND u.delete_time IS NULL AND o.delete_time IS NULL
$$;

-- ---- in the place of the pairs ----------------------------------------------------------------------------------

DROP TRIGGER sight_insert ON identity.users;
DROP TRIGGER sight_update ON identity.users;
DROP TRIGGER sight_delete ON identity.users;
DROP FUNCTION identity.user_sight, identity.moved_user_sight;

CREATE OR REPLACE FUNCTION identity.team_sight() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM identity.refresh_tree(org_id, array_agg(id)) FROM changed GROUP BY org_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION identity.moved_team_sight() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM identity.refresh_tree(c.org_id, array_agg(c.id))
       FROM changed c JOIN previous p USING (org_id, id)
      WHERE (c.parent_id, c.delete_time IS NULL) IS DISTINCT FROM (p.parent_id, p.delete_time IS NULL) GROUP BY c.org_id;
    RETURN NULL;
END $$;

DROP FUNCTION identity.refresh_sight(uuid), identity.refresh_sight(uuid, uuid[]), identity.wanted_sight(uuid),
              identity.wanted_sight(uuid, uuid);
DROP TABLE app.sight;

SELECT identity.refresh_tree(org_id, array_agg(id)) FROM identity.teams GROUP BY org_id;

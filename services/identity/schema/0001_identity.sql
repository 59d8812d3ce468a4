-- Organisations, users, teams and roles. Columns are the fields of proto/sfms/identity/v1.

CREATE SCHEMA identity;
GRANT USAGE ON SCHEMA identity TO sfms_service;

-- ---- tables -----------------------------------------------------------------------------------------------------

CREATE TABLE identity.orgs (
    LIKE app.record INCLUDING ALL,
    name      text NOT NULL,
    currency  text NOT NULL DEFAULT 'CNY',
    time_zone text NOT NULL DEFAULT 'Asia/Shanghai',
    locale    text NOT NULL DEFAULT 'zh-CN',
    CONSTRAINT orgs_id_check CHECK (org_id = id)
);
CREATE INDEX orgs_name ON identity.orgs (lower(name));
SELECT app.resource('identity.orgs', 'tenant');
GRANT SELECT, UPDATE ON identity.orgs TO sfms_identity;

-- builtin: ADMIN and the like for a role that the system maintains, from builtin_roles.
CREATE TABLE identity.roles (
    LIKE app.record INCLUDING ALL,
    name        text NOT NULL,
    visibility  text NOT NULL,
    permissions text[] NOT NULL DEFAULT '{}',
    builtin     text,
    CONSTRAINT roles_visibility_check CHECK (visibility IN ('OWN', 'TEAM', 'ORG')),
    CONSTRAINT roles_builtin_check CHECK (builtin IN ('ADMIN', 'MANAGER', 'REP', 'VIEWER'))
);
CREATE UNIQUE INDEX roles_name_key ON identity.roles (org_id, lower(name)) WHERE delete_time IS NULL;
CREATE UNIQUE INDEX roles_builtin_key ON identity.roles (org_id, builtin) WHERE builtin IS NOT NULL;
SELECT app.resource('identity.roles', 'tenant');
GRANT SELECT, INSERT, UPDATE ON identity.roles TO sfms_identity;

CREATE TABLE identity.teams (
    LIKE app.record INCLUDING ALL,
    name        text NOT NULL,
    parent_id   uuid,
    manager_id  uuid,
    search_text text NOT NULL GENERATED ALWAYS AS (app.searched(name)) STORED,
    CONSTRAINT teams_parent_id_fkey FOREIGN KEY (org_id, parent_id) REFERENCES identity.teams,
    CONSTRAINT teams_parent_id_check CHECK (parent_id <> id)
);
CREATE UNIQUE INDEX teams_name_key ON identity.teams (org_id, parent_id, name) NULLS NOT DISTINCT
    WHERE delete_time IS NULL;
CREATE INDEX teams_parent ON identity.teams (org_id, parent_id);
CREATE INDEX teams_manager ON identity.teams (org_id, manager_id);

-- The role that a user gets when none is named. Sees what the caller sees.
CREATE FUNCTION identity.default_role() RETURNS uuid LANGUAGE sql STABLE
AS $$ SELECT id FROM identity.roles WHERE org_id = app.org_id() AND builtin = 'REP' $$;

CREATE TABLE identity.users (
    LIKE app.record INCLUDING ALL,
    email        text,
    display_name text NOT NULL,
    team_id      uuid,
    role_id      uuid NOT NULL DEFAULT identity.default_role(),
    time_zone    text,
    locale       text,
    phone        text,
    job_title    text,
    disabled     boolean NOT NULL DEFAULT false,
    search_text  text NOT NULL GENERATED ALWAYS AS (app.searched(display_name || ' ' || coalesce(email, '') || ' '
                     || coalesce(phone, ''))) STORED,
    CONSTRAINT users_email_check CHECK (email = lower(email)),
    CONSTRAINT users_team_id_fkey FOREIGN KEY (org_id, team_id) REFERENCES identity.teams,
    CONSTRAINT users_role_id_fkey FOREIGN KEY (org_id, role_id) REFERENCES identity.roles
);
CREATE UNIQUE INDEX users_email_key ON identity.users (org_id, email) WHERE delete_time IS NULL;
CREATE INDEX users_sign_in ON identity.users (email) WHERE delete_time IS NULL AND email IS NOT NULL;
CREATE INDEX users_display_name ON identity.users (org_id, display_name, id);
CREATE INDEX users_team ON identity.users (org_id, team_id);
CREATE INDEX users_role ON identity.users (org_id, role_id);
CREATE INDEX users_search ON identity.users USING gin (app.grams(search_text));
ALTER TABLE identity.teams
    ADD CONSTRAINT teams_manager_id_fkey FOREIGN KEY (org_id, manager_id) REFERENCES identity.users;
SELECT app.resource('identity.teams', 'tenant');
SELECT app.resource('identity.users', 'tenant');
GRANT SELECT, INSERT, UPDATE ON identity.teams, identity.users TO sfms_identity;

-- ---- what other services may read -------------------------------------------------------------------------------

CREATE VIEW identity.user_names WITH (security_invoker = true) AS
    SELECT id, org_id, display_name, team_id FROM identity.users;
CREATE VIEW identity.team_names WITH (security_invoker = true) AS
    SELECT id, org_id, name, parent_id FROM identity.teams;
CREATE VIEW identity.org_settings WITH (security_invoker = true) AS
    SELECT org_id, name, currency, time_zone, locale FROM identity.orgs;
GRANT SELECT (display_name, team_id) ON identity.users TO sfms_service;
GRANT SELECT (name, parent_id) ON identity.teams TO sfms_service;
GRANT SELECT (name, currency, time_zone, locale) ON identity.orgs TO sfms_service;
GRANT SELECT ON identity.user_names, identity.team_names, identity.org_settings TO sfms_service;

-- ---- who sees whose records -------------------------------------------------------------------------------------
-- app.sight follows from users and teams: a viewer sees the members of the teams below his own team and below the teams
-- that he manages, those teams themselves included, and the managers of the teams that are further down.
--
-- The statements here run in milliseconds; compiling them (jit) would take a second.

CREATE INDEX sight_owner ON app.sight (org_id, owner_id);

-- All pairs of an organisation, from the whole tree at once.
CREATE FUNCTION identity.wanted_sight(in_org uuid) RETURNS TABLE (viewer_id uuid, owner_id uuid)
LANGUAGE sql STABLE SET jit = off SET enable_nestloop = off AS $$
    WITH RECURSIVE below (top_id, id) AS (
        SELECT id, id FROM identity.teams WHERE org_id = in_org AND delete_time IS NULL
        UNION
        SELECT b.top_id, t.id FROM below b
          JOIN identity.teams t ON t.org_id = in_org AND t.parent_id = b.id AND t.delete_time IS NULL
    ), top (viewer_id, top_id) AS (
        SELECT id, team_id FROM identity.users WHERE org_id = in_org AND team_id IS NOT NULL
        UNION
        SELECT manager_id, id FROM identity.teams WHERE org_id = in_org AND manager_id IS NOT NULL
    )
    SELECT top.viewer_id, u.id FROM top
      JOIN below USING (top_id)
      JOIN identity.users u ON u.org_id = in_org AND u.team_id = below.id
    UNION
    SELECT top.viewer_id, t.manager_id FROM top
      JOIN below ON below.top_id = top.top_id AND below.id <> below.top_id
      JOIN identity.teams t ON t.org_id = in_org AND t.id = below.id AND t.manager_id IS NOT NULL
$$;

-- The same for the pairs that one user is in: down the tree from his teams for whom he sees, up for who sees him.
CREATE FUNCTION identity.wanted_sight(in_org uuid, in_user uuid) RETURNS TABLE (viewer_id uuid, owner_id uuid)
LANGUAGE sql STABLE SET jit = off AS $$
    WITH RECURSIVE member (id) AS (
        SELECT team_id FROM identity.users WHERE org_id = in_org AND id = in_user AND team_id IS NOT NULL
    ), managed (id, parent_id) AS (
        SELECT id, parent_id FROM identity.teams
         WHERE org_id = in_org AND manager_id = in_user AND delete_time IS NULL
    ), down (id, further) AS (
        (SELECT id, false FROM member UNION SELECT id, false FROM managed)
        UNION
        SELECT t.id, true FROM down
          JOIN identity.teams t ON t.org_id = in_org AND t.parent_id = down.id AND t.delete_time IS NULL
    ), up (id) AS (
        (SELECT id FROM member UNION SELECT parent_id FROM managed WHERE parent_id IS NOT NULL)
        UNION
        SELECT t.parent_id FROM up
          JOIN identity.teams t ON t.org_id = in_org AND t.id = up.id AND t.parent_id IS NOT NULL
    )
    SELECT in_user, u.id FROM down JOIN identity.users u ON u.org_id = in_org AND u.team_id = down.id
    UNION
    SELECT in_user, t.manager_id FROM down
      JOIN identity.teams t ON t.org_id = in_org AND t.id = down.id AND down.further AND t.manager_id IS NOT NULL
    UNION
    SELECT u.id, in_user FROM up JOIN identity.users u ON u.org_id = in_org AND u.team_id = up.id
    UNION
    SELECT t.manager_id, in_user FROM up
      JOIN identity.teams t ON t.org_id = in_org AND t.id = up.id AND t.manager_id IS NOT NULL
$$;

-- One at a time for an organisation, so that two changes cannot each miss the other.
CREATE FUNCTION identity.lock_org(in_org uuid) RETURNS void LANGUAGE sql
AS $$ SELECT pg_advisory_xact_lock(hashtextextended('identity ' || in_org::text, 0)) $$;

-- Brings app.sight in line, for all pairs of an organisation.
CREATE FUNCTION identity.refresh_sight(in_org uuid) RETURNS void LANGUAGE plpgsql SET jit = off AS $$
BEGIN
    PERFORM identity.lock_org(in_org);
    WITH wanted AS MATERIALIZED (
        SELECT viewer_id, owner_id FROM identity.wanted_sight(in_org)
    ), gone AS (
        DELETE FROM app.sight s WHERE s.org_id = in_org
           AND NOT EXISTS (SELECT 1 FROM wanted w WHERE w.viewer_id = s.viewer_id AND w.owner_id = s.owner_id)
    )
    INSERT INTO app.sight (org_id, viewer_id, owner_id) SELECT in_org, viewer_id, owner_id FROM wanted
        ON CONFLICT DO NOTHING;
END $$;

-- The same for the pairs that some users are in; all of them, where that is less work.
CREATE FUNCTION identity.refresh_sight(in_org uuid, in_users uuid[]) RETURNS void LANGUAGE plpgsql SET jit = off AS $$
DECLARE
    one uuid;
BEGIN
    IF cardinality(in_users) > 20 THEN
        PERFORM identity.refresh_sight(in_org);
        RETURN;
    END IF;
    PERFORM identity.lock_org(in_org);
    FOREACH one IN ARRAY in_users LOOP
        WITH wanted AS MATERIALIZED (
            SELECT viewer_id, owner_id FROM identity.wanted_sight(in_org, one)
        ), gone AS (
            DELETE FROM app.sight s WHERE s.org_id = in_org AND (s.viewer_id = one OR s.owner_id = one)
               AND NOT EXISTS (SELECT 1 FROM wanted w WHERE w.viewer_id = s.viewer_id AND w.owner_id = s.owner_id)
        )
        INSERT INTO app.sight (org_id, viewer_id, owner_id) SELECT in_org, viewer_id, owner_id FROM wanted
            ON CONFLICT DO NOTHING;
    END LOOP;
END $$;

CREATE FUNCTION identity.user_sight() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM identity.refresh_sight(org_id, array_agg(id)) FROM changed GROUP BY org_id;
    RETURN NULL;
END $$;

CREATE FUNCTION identity.moved_user_sight() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM identity.refresh_sight(c.org_id, array_agg(c.id))
       FROM changed c JOIN previous p USING (org_id, id)
      WHERE c.team_id IS DISTINCT FROM p.team_id GROUP BY c.org_id;
    RETURN NULL;
END $$;

CREATE FUNCTION identity.team_sight() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM identity.refresh_sight(org_id) FROM (SELECT DISTINCT org_id FROM changed) orgs;
    RETURN NULL;
END $$;

CREATE FUNCTION identity.moved_team_sight() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM identity.refresh_sight(org_id)
       FROM (SELECT DISTINCT c.org_id FROM changed c JOIN previous p USING (org_id, id)
              WHERE (c.parent_id, c.manager_id, c.delete_time IS NULL)
                    IS DISTINCT FROM (p.parent_id, p.manager_id, p.delete_time IS NULL)) orgs;
    RETURN NULL;
END $$;

CREATE TRIGGER sight_insert AFTER INSERT ON identity.users REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION identity.user_sight();
CREATE TRIGGER sight_update AFTER UPDATE ON identity.users REFERENCING OLD TABLE AS previous NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION identity.moved_user_sight();
CREATE TRIGGER sight_delete AFTER DELETE ON identity.users REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION identity.user_sight();
CREATE TRIGGER sight_insert AFTER INSERT ON identity.teams REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION identity.team_sight();
CREATE TRIGGER sight_update AFTER UPDATE ON identity.teams REFERENCING OLD TABLE AS previous NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION identity.moved_team_sight();
CREATE TRIGGER sight_delete AFTER DELETE ON identity.teams REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION identity.team_sight();

-- What is unique by name is so however it is typed; and names in the order that people expect.

DROP INDEX identity.roles_name_key, identity.teams_name_key;
SELECT app.tidy('identity.roles', 'name'), app.tidy('identity.teams', 'name');
SELECT app.make_distinct('identity.roles', 'name'), app.make_distinct('identity.teams', 'name', ', parent_id');
CREATE UNIQUE INDEX roles_name_key ON identity.roles (org_id, app.fold(name)) WHERE delete_time IS NULL;
CREATE UNIQUE INDEX teams_name_key ON identity.teams (org_id, parent_id, app.fold(name)) NULLS NOT DISTINCT
    WHERE delete_time IS NULL;

-- Mail addresses are in one case before they come here, by rules that the database need not know. One that would become another
-- user's stays as it is.
ALTER TABLE identity.users DROP CONSTRAINT users_email_check;
SELECT app.tidy('identity.users', 'email', 'app.mail', 'NOT EXISTS (SELECT 1 FROM identity.users o WHERE o.org_id = r.org_id'
                ' AND o.id <> r.id AND o.delete_time IS NULL AND app.mail(o.email) = app.mail(r.email))');

CREATE INDEX users_by_name ON identity.users (org_id, display_name COLLATE app.by_name, id);
DROP INDEX identity.users_display_name;

-- As before, and an organisation is found however its name is typed.
DROP INDEX identity.orgs_name;
CREATE INDEX orgs_name ON identity.orgs (app.fold(name));
CREATE OR REPLACE FUNCTION identity.sign_in_candidates(in_email text, in_org text)
RETURNS TABLE (org_id uuid, user_id uuid, password_hash text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.org_id, u.id, c.password_hash
      FROM identity.users u
      JOIN identity.credentials c ON c.org_id = u.org_id AND c.user_id = u.id
      JOIN identity.orgs o ON o.org_id = u.org_id AND o.id = u.org_id
     WHERE u.email = in_email AND u.delete_time IS NULL AND NOT u.disabled AND o.delete_time IS NULL
       AND (in_org = '' OR o.id::text = lower(in_org) OR app.fold(o.name) = app.fold(in_org))
     ORDER BY u.org_id LIMIT 8
$$;

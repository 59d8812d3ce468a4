-- Passwords, sessions, and what a user may do. No role can read these tables: the functions below are the only doors, and
-- only sfms_identity may use them. They are definer functions because nobody is signed in yet when they are needed.

CREATE TABLE identity.credentials (
    org_id        uuid NOT NULL,
    user_id       uuid NOT NULL,
    password_hash text NOT NULL,
    update_time   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id),
    CONSTRAINT credentials_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES identity.users
);
ALTER TABLE identity.credentials ENABLE ROW LEVEL SECURITY;

-- A refresh token is made of a part that stays for the session's life (family) and one that changes with each use. Who
-- brings the right family with another token has one that was used already. Only hashes are stored.
CREATE TABLE identity.sessions (
    org_id       uuid NOT NULL,
    id           uuid NOT NULL,
    user_id      uuid NOT NULL,
    family_hash  text NOT NULL,
    token_hash   text NOT NULL,
    create_time  timestamptz NOT NULL DEFAULT now(),
    refresh_time timestamptz NOT NULL DEFAULT now(),
    expire_time  timestamptz NOT NULL DEFAULT now() + interval '30 days',
    revoke_time  timestamptz,
    PRIMARY KEY (org_id, id),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES identity.users
);
CREATE INDEX sessions_user ON identity.sessions (org_id, user_id);
ALTER TABLE identity.sessions ENABLE ROW LEVEL SECURITY;

-- Passwords that were tried. A key is a hash: of the mail address, of the network address, of both together. known: the
-- last try under it was right.
CREATE TABLE identity.attempts (
    key           text PRIMARY KEY,
    failures      integer NOT NULL DEFAULT 0,
    last_time     timestamptz NOT NULL DEFAULT clock_timestamp(),
    blocked_until timestamptz,
    known         boolean NOT NULL DEFAULT false,
    expire_time   timestamptz NOT NULL DEFAULT now() + interval '1 day'
);
CREATE INDEX attempts_expire_time ON identity.attempts (expire_time);
ALTER TABLE identity.attempts ENABLE ROW LEVEL SECURITY;

-- The roles that every organisation has, as this version of the system knows them.
CREATE TABLE identity.builtin_roles (
    builtin     text PRIMARY KEY,
    name        text NOT NULL,
    visibility  text NOT NULL,
    permissions text[] NOT NULL
);
ALTER TABLE identity.builtin_roles ENABLE ROW LEVEL SECURITY;

-- ---- tries ------------------------------------------------------------------------------------------------------

-- Counts a try under each key before it is made, so that many at once cannot slip through. Answers the seconds to wait, in
-- which case nothing was counted; 0 to go on. The failure number limit, within 15 minutes of each other, blocks a key for
-- 32 seconds, each further one for twice as long, at most 15 minutes. Where the first key is known, no other is looked at:
-- whoever has signed in from a place before is not shut out by what others try elsewhere.
CREATE FUNCTION identity.count_tries(in_keys text[], in_limits integer[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keys text[] := in_keys;
    wait interval;
BEGIN
    DELETE FROM identity.attempts WHERE key IN (
        SELECT key FROM identity.attempts WHERE expire_time < now() AND key <> ALL (in_keys)
         LIMIT 100 FOR UPDATE SKIP LOCKED);
    IF EXISTS (SELECT 1 FROM identity.attempts WHERE key = in_keys[1] AND known AND expire_time > now()) THEN
        keys := in_keys[1:1];
    END IF;
    INSERT INTO identity.attempts (key) SELECT k FROM unnest(keys) k ORDER BY k ON CONFLICT DO NOTHING;
    PERFORM 1 FROM identity.attempts WHERE key = ANY (keys) ORDER BY key FOR UPDATE;
    SELECT max(blocked_until) - clock_timestamp() INTO wait FROM identity.attempts WHERE key = ANY (keys);
    IF wait > interval '0' THEN
        RETURN ceil(extract(epoch FROM wait));
    END IF;
    UPDATE identity.attempts a SET failures = n.failures, last_time = clock_timestamp(),
           blocked_until = clock_timestamp() + CASE WHEN n.failures >= n.most THEN
               least(make_interval(secs => power(2, least(n.failures - n.most + 5, 10))), interval '15 minutes') END,
           expire_time = greatest(a.expire_time, now() + interval '1 day')
      FROM (SELECT key, t.most,
                   CASE WHEN last_time < clock_timestamp() - interval '15 minutes' THEN 1 ELSE failures + 1 END AS failures
              FROM unnest(in_keys, in_limits) AS t (key, most) JOIN identity.attempts USING (key)
             WHERE key = ANY (keys)) n
     WHERE a.key = n.key;
    RETURN 0;
END $$;

-- The try was right: the first key starts anew and is known for 30 days; under the others this one try is forgotten.
CREATE FUNCTION identity.forget_try(in_keys text[]) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE identity.attempts SET failures = greatest(failures - 1, 0), blocked_until = NULL
     WHERE key = ANY (in_keys[2:]);
    UPDATE identity.attempts SET failures = 0, blocked_until = NULL, known = true,
           expire_time = now() + interval '30 days'
     WHERE key = in_keys[1];
$$;

-- ---- sessions ---------------------------------------------------------------------------------------------------

-- Who may be meant by a mail address: one user of each organisation, or of the named one (by id or name).
CREATE FUNCTION identity.sign_in_candidates(in_email text, in_org text)
RETURNS TABLE (org_id uuid, user_id uuid, password_hash text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.org_id, u.id, c.password_hash
      FROM identity.users u
      JOIN identity.credentials c ON c.org_id = u.org_id AND c.user_id = u.id
      JOIN identity.orgs o ON o.org_id = u.org_id AND o.id = u.org_id
     WHERE u.email = in_email AND u.delete_time IS NULL AND NOT u.disabled AND o.delete_time IS NULL
       AND (in_org = '' OR o.id::text = lower(in_org) OR lower(o.name) = lower(in_org))
     ORDER BY u.org_id LIMIT 8
$$;

CREATE FUNCTION identity.open_session(in_org uuid, in_user uuid, in_session uuid, in_family text, in_token text)
RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM identity.sessions WHERE org_id = in_org AND user_id = in_user AND expire_time < now();
    INSERT INTO identity.sessions (org_id, id, user_id, family_hash, token_hash)
    VALUES (in_org, in_session, in_user, in_family, in_token);
$$;

-- Puts the next token in the place of the old one and answers the user; NULL if that cannot be. A token that was used
-- before ends the session.
CREATE FUNCTION identity.rotate_session(in_org uuid, in_session uuid, in_family text, in_old text, in_new text)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one identity.sessions;
BEGIN
    SELECT s.* INTO one FROM identity.sessions s JOIN identity.users u ON u.org_id = s.org_id AND u.id = s.user_id
     WHERE s.org_id = in_org AND s.id = in_session AND s.family_hash = in_family AND s.revoke_time IS NULL
       AND s.expire_time > now() AND NOT u.disabled AND u.delete_time IS NULL
       FOR UPDATE OF s;
    IF one.id IS NULL THEN
        RETURN NULL;
    END IF;
    IF one.token_hash <> in_old THEN
        UPDATE identity.sessions SET revoke_time = now() WHERE org_id = in_org AND id = in_session;
        RETURN NULL;
    END IF;
    UPDATE identity.sessions SET token_hash = in_new, refresh_time = now(), expire_time = now() + interval '30 days'
     WHERE org_id = in_org AND id = in_session;
    RETURN one.user_id;
END $$;

-- Ends a session of the caller's.
CREATE FUNCTION identity.end_session(in_session uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE identity.sessions SET revoke_time = now()
     WHERE org_id = app.org_id() AND user_id = app.user_id() AND id = in_session AND revoke_time IS NULL
$$;

CREATE FUNCTION identity.end_user_sessions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE identity.sessions SET revoke_time = now()
     WHERE org_id = NEW.org_id AND user_id = NEW.id AND revoke_time IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER end_sessions AFTER UPDATE ON identity.users FOR EACH ROW
    WHEN ((NEW.disabled AND NOT OLD.disabled) OR (NEW.delete_time IS NOT NULL AND OLD.delete_time IS NULL))
    EXECUTE FUNCTION identity.end_user_sessions();

-- ---- what a user may do -----------------------------------------------------------------------------------------

-- Permissions and sight of a user who may work; all NULL if there is none.
CREATE OR REPLACE FUNCTION app.principal(in_org uuid, in_user uuid, OUT permissions text[], OUT visibility text,
    OUT time_zone text, OUT seen_owners integer) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.permissions, r.visibility, coalesce(u.time_zone, o.time_zone),
           (SELECT count(*)::int FROM (SELECT 1 FROM app.sight s
                                        WHERE s.org_id = u.org_id AND s.viewer_id = u.id LIMIT 101) few)
      FROM identity.users u
      JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
      JOIN identity.orgs o ON o.org_id = u.org_id AND o.id = u.org_id
     WHERE u.org_id = in_org AND u.id = in_user AND NOT u.disabled AND u.delete_time IS NULL AND o.delete_time IS NULL
$$;

-- The same for the user of a session, while it lasts.
CREATE FUNCTION identity.session_principal(in_org uuid, in_user uuid, in_session uuid, OUT permissions text[],
    OUT visibility text, OUT time_zone text, OUT seen_owners integer) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.permissions, p.visibility, p.time_zone, p.seen_owners
      FROM identity.sessions s, app.principal(in_org, in_user) p
     WHERE s.org_id = in_org AND s.id = in_session AND s.user_id = in_user AND s.revoke_time IS NULL
       AND s.expire_time > now()
$$;

-- ---- passwords --------------------------------------------------------------------------------------------------

-- The hash of the caller's own password; NULL if there is none.
CREATE FUNCTION identity.own_password_hash() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT password_hash FROM identity.credentials WHERE org_id = app.org_id() AND user_id = app.user_id()
$$;

-- Sets the password of the caller, or of a user whose role is within the caller's and who may be changed by him. Ends the
-- user's sessions but in_keep, and answers how many; -1 if there is no such user.
CREATE FUNCTION identity.set_password(in_user uuid, in_hash text, in_keep uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    target identity.roles;
    ended  integer;
BEGIN
    SELECT r.* INTO target FROM identity.users u JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
     WHERE u.org_id = app.org_id() AND u.id = in_user AND u.delete_time IS NULL;
    IF target.id IS NULL THEN
        RETURN -1;
    END IF;
    IF in_user <> app.user_id() AND NOT identity.caller_covers('{users.write}', 'OWN') THEN
        RAISE insufficient_privilege;
    END IF;
    PERFORM identity.require_cover(target.permissions, target.visibility);
    INSERT INTO identity.credentials (org_id, user_id, password_hash) VALUES (app.org_id(), in_user, in_hash)
        ON CONFLICT (org_id, user_id) DO UPDATE SET password_hash = excluded.password_hash, update_time = now();
    UPDATE identity.sessions SET revoke_time = now()
     WHERE org_id = app.org_id() AND user_id = in_user AND revoke_time IS NULL AND expire_time > now()
       AND id IS DISTINCT FROM in_keep;
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END $$;

-- ---- organisations ----------------------------------------------------------------------------------------------

-- Takes the built-in roles as the running version knows them, and brings those of every organisation in line.
CREATE FUNCTION identity.sync_builtin_roles(in_roles jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('identity builtin roles', 0));
    INSERT INTO identity.builtin_roles AS b
    SELECT r.builtin, r.name, r.visibility, r.permissions
      FROM jsonb_to_recordset(in_roles) AS r (builtin text, name text, visibility text, permissions text[])
        ON CONFLICT (builtin) DO UPDATE SET name = excluded.name, visibility = excluded.visibility,
           permissions = excluded.permissions
     WHERE (b.name, b.visibility, b.permissions) IS DISTINCT FROM (excluded.name, excluded.visibility, excluded.permissions);
    UPDATE identity.roles r SET visibility = b.visibility, permissions = b.permissions
      FROM identity.builtin_roles b
     WHERE r.builtin = b.builtin AND (r.visibility, r.permissions) IS DISTINCT FROM (b.visibility, b.permissions);
END $$;

-- Makes an organisation with the built-in roles (their ids are in_roles, as many as there are) and its administrator.
CREATE FUNCTION identity.create_org(in_org uuid, in_admin uuid, in_roles uuid[], in_name text, in_currency text,
    in_time_zone text, in_locale text, in_email text, in_display_name text, in_hash text) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO identity.orgs (org_id, id, name, currency, time_zone, locale)
    VALUES (in_org, in_org, in_name, in_currency, in_time_zone, in_locale);
    INSERT INTO identity.roles (org_id, id, name, visibility, permissions, builtin)
    SELECT in_org, in_roles[row_number() OVER (ORDER BY builtin)], name, visibility, permissions, builtin
      FROM identity.builtin_roles;
    INSERT INTO identity.users (org_id, id, email, display_name, role_id)
    SELECT in_org, in_admin, in_email, in_display_name, id
      FROM identity.roles WHERE org_id = in_org AND builtin = 'ADMIN';
    INSERT INTO identity.credentials (org_id, user_id, password_hash) VALUES (in_org, in_admin, in_hash);
$$;

-- ---- who may open these doors -----------------------------------------------------------------------------------

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA identity FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    identity.default_role(),
    identity.is_time_zone(text),
    identity.count_tries(text[], integer[]),
    identity.forget_try(text[]),
    identity.sign_in_candidates(text, text),
    identity.open_session(uuid, uuid, uuid, text, text),
    identity.rotate_session(uuid, uuid, text, text, text),
    identity.end_session(uuid),
    identity.session_principal(uuid, uuid, uuid),
    identity.own_password_hash(),
    identity.set_password(uuid, text, uuid),
    identity.sync_builtin_roles(jsonb),
    identity.create_org(uuid, uuid, uuid[], text, text, text, text, text, text, text)
    TO sfms_identity;
REVOKE EXECUTE ON FUNCTION app.principal(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.principal(uuid, uuid) TO sfms_service;

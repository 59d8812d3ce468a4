-- Signing in and staying signed in: hashes of passwords that are made anew, refresh tokens that come twice, and sessions that are
-- seen and ended.

-- Puts a hash in the place of one that was made of the same password in another way.
CREATE FUNCTION identity.renew_password_hash(in_org uuid, in_user uuid, in_old text, in_new text) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE identity.credentials SET password_hash = in_new
     WHERE org_id = in_org AND user_id = in_user AND password_hash = in_old
$$;

-- The token before token_hash, and the token of token_hash, sealed so that only the one before opens it.
-- address, agent: where it was last refreshed from. end_time: when it ends, however often it is refreshed.
ALTER TABLE identity.sessions ADD COLUMN previous_hash text, ADD COLUMN next_sealed text, ADD COLUMN address text,
    ADD COLUMN agent text, ADD COLUMN end_time timestamptz NOT NULL DEFAULT now() + interval '90 days';

-- in_idle and in_longest are seconds: without a refresh, and in all.
CREATE FUNCTION identity.open_session(in_org uuid, in_user uuid, in_session uuid, in_family text, in_token text,
    in_address text, in_agent text, in_idle integer, in_longest integer) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM identity.sessions WHERE org_id = in_org AND user_id = in_user AND expire_time < now();
    INSERT INTO identity.sessions (org_id, id, user_id, family_hash, token_hash, address, agent, expire_time, end_time)
    VALUES (in_org, in_session, in_user, in_family, in_token, in_address, in_agent,
            now() + make_interval(secs => least(in_idle, in_longest)), now() + make_interval(secs => in_longest));
$$;

-- Puts the next token in the place of the old one and answers the user, and the token sealed; no token if that cannot be. Who brings
-- the token of before within 30 seconds gets the same next token again, as long as that has not been used; any other token of
-- the family has been used before, by somebody else, and ends the session (reused).
CREATE FUNCTION identity.rotate_session(in_org uuid, in_session uuid, in_family text, in_old text, in_new text,
    in_sealed text, in_address text, in_agent text, in_idle integer, OUT user_id uuid, OUT next_sealed text, OUT reused boolean) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    SELECT s.user_id, s.token_hash, s.previous_hash, s.next_sealed, s.refresh_time INTO one
      FROM identity.sessions s JOIN identity.users u ON u.org_id = s.org_id AND u.id = s.user_id
     WHERE s.org_id = in_org AND s.id = in_session AND s.family_hash = in_family AND s.revoke_time IS NULL
       AND s.expire_time > now() AND NOT u.disabled AND u.delete_time IS NULL
       FOR UPDATE OF s;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF one.token_hash = in_old THEN
        UPDATE identity.sessions s SET token_hash = in_new, previous_hash = in_old, next_sealed = in_sealed,
               address = in_address, agent = in_agent, refresh_time = now(),
               expire_time = least(now() + make_interval(secs => in_idle), s.end_time)
         WHERE s.org_id = in_org AND s.id = in_session;
        user_id := one.user_id;
        next_sealed := in_sealed;
    ELSIF one.previous_hash = in_old AND one.refresh_time > now() - interval '30 seconds' THEN
        user_id := one.user_id;
        next_sealed := one.next_sealed;
    ELSE
        UPDATE identity.sessions s SET revoke_time = now() WHERE s.org_id = in_org AND s.id = in_session;
        user_id := one.user_id;
        reused := true;
    END IF;
END $$;

-- The same for the version before this one, which keeps nothing for a second time.
CREATE OR REPLACE FUNCTION identity.rotate_session(in_org uuid, in_session uuid, in_family text, in_old text, in_new text)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    SELECT s.user_id, s.token_hash INTO one
      FROM identity.sessions s JOIN identity.users u ON u.org_id = s.org_id AND u.id = s.user_id
     WHERE s.org_id = in_org AND s.id = in_session AND s.family_hash = in_family AND s.revoke_time IS NULL
       AND s.expire_time > now() AND NOT u.disabled AND u.delete_time IS NULL
       FOR UPDATE OF s;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF one.token_hash <> in_old THEN
        UPDATE identity.sessions SET revoke_time = now() WHERE org_id = in_org AND id = in_session;
        RETURN NULL;
    END IF;
    UPDATE identity.sessions SET token_hash = in_new, previous_hash = NULL, next_sealed = NULL, refresh_time = now(),
           expire_time = least(now() + interval '30 days', end_time)
     WHERE org_id = in_org AND id = in_session;
    RETURN one.user_id;
END $$;

-- The sessions that go on, of one user or of all (NULL), the newest first: one's own, or anybody's for who may change users.
CREATE FUNCTION identity.list_sessions(in_user uuid, in_before uuid, in_most integer)
RETURNS TABLE (id uuid, user_id uuid, create_time timestamptz, refresh_time timestamptz, expire_time timestamptz,
    end_time timestamptz, address text, agent text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.id, s.user_id, s.create_time, s.refresh_time, s.expire_time, s.end_time, s.address, s.agent
      FROM identity.sessions s
     WHERE s.org_id = app.org_id() AND (in_user IS NULL OR s.user_id = in_user) AND s.id < in_before
       AND s.revoke_time IS NULL AND s.expire_time > now()
       AND (in_user = app.user_id() OR identity.caller_covers('{users.write}', 'OWN'))
     ORDER BY s.id DESC LIMIT in_most
$$;

-- Ends a session: one's own, or that of a user whose role is within the caller's. False if there is none that goes on.
CREATE FUNCTION identity.end_one_session(in_session uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner record;
BEGIN
    SELECT s.user_id, r.permissions, r.visibility INTO owner
      FROM identity.sessions s
      JOIN identity.users u ON u.org_id = s.org_id AND u.id = s.user_id
      JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
     WHERE s.org_id = app.org_id() AND s.id = in_session AND s.revoke_time IS NULL AND s.expire_time > now();
    IF NOT FOUND OR (owner.user_id <> app.user_id() AND NOT identity.caller_covers('{users.write}', 'OWN')) THEN
        RETURN false;
    END IF;
    IF owner.user_id <> app.user_id() THEN
        PERFORM identity.require_cover(owner.permissions, owner.visibility);
    END IF;
    UPDATE identity.sessions s SET revoke_time = now() WHERE s.org_id = app.org_id() AND s.id = in_session;
    RETURN true;
END $$;

-- Ends all sessions of the caller's but one, and answers how many.
CREATE FUNCTION identity.end_other_sessions(in_keep uuid) RETURNS integer LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    WITH ended AS (
        UPDATE identity.sessions SET revoke_time = now()
         WHERE org_id = app.org_id() AND user_id = app.user_id() AND revoke_time IS NULL AND expire_time > now()
           AND id IS DISTINCT FROM in_keep
        RETURNING id)
    SELECT count(*)::integer FROM ended
$$;

REVOKE EXECUTE ON FUNCTION
    identity.renew_password_hash(uuid, uuid, text, text),
    identity.rotate_session(uuid, uuid, text, text, text, text, text, text, integer),
    identity.open_session(uuid, uuid, uuid, text, text, text, text, integer, integer),
    identity.list_sessions(uuid, uuid, integer),
    identity.end_one_session(uuid),
    identity.end_other_sessions(uuid)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    identity.renew_password_hash(uuid, uuid, text, text),
    identity.rotate_session(uuid, uuid, text, text, text, text, text, text, integer),
    identity.open_session(uuid, uuid, uuid, text, text, text, text, integer, integer),
    identity.list_sessions(uuid, uuid, integer),
    identity.end_one_session(uuid),
    identity.end_other_sessions(uuid)
    TO sfms_identity;

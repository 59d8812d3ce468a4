-- Signing in and staying signed in: hashes of passwords that are made anew, and refresh tokens that come twice.

-- Puts a hash in the place of one that was made of the same password in another way.
CREATE FUNCTION identity.renew_password_hash(in_org uuid, in_user uuid, in_old text, in_new text) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE identity.credentials SET password_hash = in_new
     WHERE org_id = in_org AND user_id = in_user AND password_hash = in_old
$$;

-- The token before token_hash, and the token of token_hash, sealed so that only the one before opens it.
ALTER TABLE identity.sessions ADD COLUMN previous_hash text, ADD COLUMN next_sealed text;

-- Puts the next token in the place of the old one and answers the user, and the token sealed; NULL if that cannot be. Who brings
-- the token of before within 30 seconds gets the same next token again, as long as that has not been used; any other token of
-- the family has been used before, by somebody else, and ends the session.
CREATE FUNCTION identity.rotate_session(in_org uuid, in_session uuid, in_family text, in_old text, in_new text,
    in_sealed text, OUT user_id uuid, OUT next_sealed text) LANGUAGE plpgsql SECURITY DEFINER
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
               refresh_time = now(), expire_time = now() + interval '30 days'
         WHERE s.org_id = in_org AND s.id = in_session;
        user_id := one.user_id;
        next_sealed := in_sealed;
    ELSIF one.previous_hash = in_old AND one.refresh_time > now() - interval '30 seconds' THEN
        user_id := one.user_id;
        next_sealed := one.next_sealed;
    ELSE
        UPDATE identity.sessions s SET revoke_time = now() WHERE s.org_id = in_org AND s.id = in_session;
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
           expire_time = now() + interval '30 days'
     WHERE org_id = in_org AND id = in_session;
    RETURN one.user_id;
END $$;

REVOKE EXECUTE ON FUNCTION
    identity.renew_password_hash(uuid, uuid, text, text),
    identity.rotate_session(uuid, uuid, text, text, text, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    identity.renew_password_hash(uuid, uuid, text, text),
    identity.rotate_session(uuid, uuid, text, text, text, text)
    TO sfms_identity;

-- Who is nobody in particular may do nothing for anybody. A connection that names an organisation and no user (or an empty one)
-- made these comparisons NULL, and what comes after an IF that is NULL was not refused.

-- Sets the password of the caller, or of a user whose role is within the caller's and who may be changed by him. Ends the
-- user's sessions but in_keep, and answers how many; -1 if there is no such user.
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
    PERFORM identity.require_cover(target.permissions, target.visibility);
    INSERT INTO identity.credentials (org_id, user_id, password_hash) VALUES (app.org_id(), in_user, in_hash)
        ON CONFLICT (org_id, user_id) DO UPDATE SET password_hash = excluded.password_hash, update_time = now();
    UPDATE identity.sessions SET revoke_time = now()
     WHERE org_id = app.org_id() AND user_id = in_user AND revoke_time IS NULL AND expire_time > now()
       AND id IS DISTINCT FROM in_keep;
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END $$;

-- Ends a session: one's own, or that of a user whose role is within the caller's. False if there is none that goes on.
CREATE OR REPLACE FUNCTION identity.end_one_session(in_session uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner record;
BEGIN
    IF app.user_id() IS NULL THEN
        RAISE insufficient_privilege;
    END IF;
    SELECT s.user_id, r.permissions, r.visibility INTO owner
      FROM identity.sessions s
      JOIN identity.users u ON u.org_id = s.org_id AND u.id = s.user_id
      JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
     WHERE s.org_id = app.org_id() AND s.id = in_session AND s.revoke_time IS NULL AND s.expire_time > now();
    IF NOT FOUND OR (owner.user_id IS DISTINCT FROM app.user_id() AND NOT identity.caller_covers('{users.write}', 'OWN')) THEN
        RETURN false;
    END IF;
    IF owner.user_id IS DISTINCT FROM app.user_id() THEN
        PERFORM identity.require_cover(owner.permissions, owner.visibility);
    END IF;
    UPDATE identity.sessions s SET revoke_time = now() WHERE s.org_id = app.org_id() AND s.id = in_session;
    RETURN true;
END $$;

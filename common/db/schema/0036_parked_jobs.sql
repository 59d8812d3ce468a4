-- A job whose user cannot sign in may wait until he is back: it is due at infinity then (see common/db/jobs.h).

CREATE INDEX jobs_parked ON app.jobs (org_id, user_id) WHERE state = 'PENDING' AND run_at = 'infinity';

-- Puts a running job aside until its user is back; if he is by now, it is due again. The locks are there so that he cannot come
-- back between the look and the write, when nobody would wake it. Definer: services do not see who may sign in.
CREATE FUNCTION app.park_job(in_id uuid, in_attempt integer, in_error text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    whose uuid := (SELECT user_id FROM app.jobs WHERE org_id = app.org_id() AND id = in_id);
BEGIN
    PERFORM 1 FROM identity.orgs WHERE org_id = app.org_id() AND id = app.org_id() FOR SHARE;
    PERFORM 1 FROM identity.users WHERE org_id = app.org_id() AND id = whose FOR SHARE;
    UPDATE app.jobs SET state = 'PENDING', lease_until = NULL, attempt = 0, error = in_error,
           run_at = CASE WHEN (app.caller(app.org_id(), whose)).visibility IS NULL THEN 'infinity' ELSE now() END
     WHERE org_id = app.org_id() AND id = in_id AND attempt = in_attempt AND state = 'RUNNING';
END $$;
REVOKE EXECUTE ON FUNCTION app.park_job FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.park_job TO sfms_service;

-- Whoever is back finds his jobs due. NULL is all users of the organisation.
CREATE FUNCTION app.wake_jobs(in_org uuid, in_user uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE app.jobs SET run_at = now()
     WHERE org_id = in_org AND (in_user IS NULL OR user_id = in_user) AND state = 'PENDING' AND run_at = 'infinity'
$$;
CREATE FUNCTION app.user_is_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM app.wake_jobs(NEW.org_id, NEW.id);
    RETURN NULL;
END $$;
CREATE FUNCTION app.org_is_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM app.wake_jobs(NEW.org_id, NULL);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION app.wake_jobs, app.user_is_back, app.org_is_back FROM PUBLIC;
CREATE TRIGGER wake_jobs AFTER UPDATE ON identity.users FOR EACH ROW
    WHEN ((OLD.disabled AND NOT NEW.disabled) OR (OLD.delete_time IS NOT NULL AND NEW.delete_time IS NULL))
    EXECUTE FUNCTION app.user_is_back();
CREATE TRIGGER wake_jobs AFTER UPDATE ON identity.orgs FOR EACH ROW
    WHEN (OLD.delete_time IS NOT NULL AND NEW.delete_time IS NULL) EXECUTE FUNCTION app.org_is_back();

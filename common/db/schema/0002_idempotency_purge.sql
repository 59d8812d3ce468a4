-- Forgets answers that were kept longer than 24 hours, of all tenants; answers how many. Definer, because a
-- runner of jobs sees only the rows of the user on whose behalf it works.
CREATE FUNCTION app.purge_idempotency() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH gone AS (DELETE FROM app.idempotency WHERE create_time < now() - interval '24 hours' RETURNING 1)
    SELECT count(*) FROM gone
$$;
REVOKE EXECUTE ON FUNCTION app.purge_idempotency() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.purge_idempotency() TO sfms_service;

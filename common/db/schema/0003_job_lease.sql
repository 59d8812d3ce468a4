-- A lease of 20 seconds: when a process dies, its job is taken up by another soon. Runners renew it as they
-- go.
CREATE OR REPLACE FUNCTION app.claim_job(kinds text[]) RETURNS SETOF app.jobs LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog AS $$
    UPDATE app.jobs j SET state = 'RUNNING', attempt = j.attempt + 1, lease_until = now() + interval '20 seconds'
      FROM (SELECT org_id, id FROM app.jobs
             WHERE state IN ('PENDING', 'RUNNING') AND run_at <= now() AND kind = ANY (kinds)
               AND (state = 'PENDING' OR lease_until < now())
             ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED) due
     WHERE j.org_id = due.org_id AND j.id = due.id
    RETURNING j.*
$$;
REVOKE EXECUTE ON FUNCTION app.claim_job(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.claim_job(text[]) TO sfms_service;

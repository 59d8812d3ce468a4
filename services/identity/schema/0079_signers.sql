-- Who may say on whose behalf a call is made: the processes of identity, each by a key of its own. Whoever holds the key of the wire
-- alone can pass on what they have signed, and nothing else.

CREATE TABLE identity.signers (
    id          uuid PRIMARY KEY,
    public_key  text NOT NULL CHECK (public_key ~ '^[0-9a-f]{64}$'),
    create_time timestamptz NOT NULL DEFAULT now(),
    expire_time timestamptz NOT NULL DEFAULT now() + interval '2 days'
);
ALTER TABLE identity.signers ENABLE ROW LEVEL SECURITY;

-- Makes a key known; does nothing if it is. Those of processes that have gone leave with the next one that comes.
CREATE FUNCTION identity.add_signer(in_id uuid, in_public_key text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM identity.signers WHERE id = in_id) THEN
        RETURN;
    END IF;
    INSERT INTO identity.signers (id, public_key) VALUES (in_id, in_public_key) ON CONFLICT (id) DO NOTHING;
    DELETE FROM identity.signers WHERE expire_time < now();
END $$;
REVOKE EXECUTE ON FUNCTION identity.add_signer(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.add_signer(uuid, text) TO sfms_identity;

-- The public key of a process; NULL if it is none, or no more.
CREATE FUNCTION app.signer(in_id uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT public_key FROM identity.signers WHERE id = in_id AND expire_time > now()
$$;
REVOKE EXECUTE ON FUNCTION app.signer(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.signer(uuid) TO sfms_service;

-- Whether a job runs on behalf of the user at this moment, or of the organisation itself if that is NULL: then its process may act so.
CREATE FUNCTION app.job_runs(in_org uuid, in_user uuid, in_job uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM app.jobs
                    WHERE org_id = in_org AND id = in_job AND user_id IS NOT DISTINCT FROM in_user AND state = 'RUNNING'
                      AND lease_until > now())
$$;
REVOKE EXECUTE ON FUNCTION app.job_runs(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.job_runs(uuid, uuid, uuid) TO sfms_identity;

-- Readers of the event log: how far each has come, in each organisation. What lies at or before (xid, seq) has been dealt with; error:
-- why what comes next could not be, the last time. The row without an organisation (a UUID of zeros) says where those begin that come
-- later: at the end of the log when the reader was new, which is before all that they have.
CREATE TABLE app.readers (
    org_id      uuid NOT NULL,
    name        text NOT NULL,
    xid         xid8 NOT NULL,
    seq         bigint NOT NULL DEFAULT 0,
    update_time timestamptz NOT NULL DEFAULT now(),
    error       text,
    PRIMARY KEY (org_id, name)
);
CREATE INDEX readers_name ON app.readers (name, org_id);
SELECT app.protect('app.readers', 'tenant');
GRANT SELECT, UPDATE ON app.readers TO sfms_service;

-- The organisations that have events which a reader has not dealt with: whether it can read some, as all before them is complete, and
-- since how many milliseconds the first one waits. Makes the positions that are missing. One look into the index for each: a join might read all events.
CREATE FUNCTION app.orgs_to_read(in_name text) RETURNS TABLE (org_id uuid, readable boolean, lag_ms bigint) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    nobody uuid := '00000000-0000-0000-0000-000000000000';
    mark   xid8 := app.event_mark();
BEGIN
    IF NOT EXISTS (SELECT 1 FROM app.readers WHERE org_id = nobody AND name = in_name) THEN
        INSERT INTO app.readers (org_id, name, xid) VALUES (nobody, in_name, mark) ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO app.readers (org_id, name, xid)
    SELECT o.org_id, in_name, b.xid FROM identity.orgs o, app.readers b
     WHERE b.org_id = nobody AND b.name = in_name
       AND NOT EXISTS (SELECT 1 FROM app.readers r WHERE r.org_id = o.org_id AND r.name = in_name)
    ON CONFLICT DO NOTHING;
    RETURN QUERY
    SELECT r.org_id, next.xid < mark, (extract(epoch FROM clock_timestamp() - next.event_time) * 1000)::bigint
      FROM app.readers r CROSS JOIN LATERAL (
           SELECT e.xid, e.event_time FROM app.events e
            WHERE e.org_id = r.org_id AND (e.xid, e.seq) > (r.xid, r.seq) ORDER BY e.xid, e.seq LIMIT 1) next
     WHERE r.name = in_name AND EXISTS (SELECT 1 FROM identity.orgs o WHERE o.org_id = r.org_id AND o.delete_time IS NULL);
END $$;
REVOKE EXECUTE ON FUNCTION app.orgs_to_read FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.orgs_to_read TO sfms_service;

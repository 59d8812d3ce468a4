-- Tickets that open a stream of events once. Only their hashes are kept, and not beyond a crash.
CREATE UNLOGGED TABLE identity.tickets (
    ticket_hash text PRIMARY KEY,
    org_id      uuid NOT NULL,
    user_id     uuid NOT NULL,
    session_id  uuid NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    expire_time timestamptz NOT NULL
);
CREATE INDEX tickets_user ON identity.tickets (org_id, user_id, create_time);
CREATE INDEX tickets_expire_time ON identity.tickets (expire_time);
ALTER TABLE identity.tickets ENABLE ROW LEVEL SECURITY;

-- Keeps a ticket of the caller's. Those that nobody used go, and of his own all but the last 19.
CREATE FUNCTION identity.make_ticket(in_hash text, in_session uuid, in_seconds integer) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM identity.tickets WHERE ticket_hash IN (
        SELECT ticket_hash FROM identity.tickets WHERE expire_time < clock_timestamp() LIMIT 100 FOR UPDATE SKIP LOCKED);
    DELETE FROM identity.tickets WHERE ticket_hash IN (
        SELECT ticket_hash FROM identity.tickets WHERE org_id = app.org_id() AND user_id = app.user_id()
         ORDER BY create_time DESC OFFSET 19);
    INSERT INTO identity.tickets (ticket_hash, org_id, user_id, session_id, expire_time)
    SELECT in_hash, app.org_id(), app.user_id(), in_session, clock_timestamp() + make_interval(secs => in_seconds)
     WHERE app.org_id() IS NOT NULL AND app.user_id() IS NOT NULL;
$$;

-- Uses a ticket up, and answers whose it was.
CREATE FUNCTION identity.use_ticket(in_hash text) RETURNS TABLE (org_id uuid, user_id uuid, session_id uuid)
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    WITH used AS (DELETE FROM identity.tickets t WHERE t.ticket_hash = in_hash
                  RETURNING t.org_id, t.user_id, t.session_id, t.expire_time)
    SELECT u.org_id, u.user_id, u.session_id FROM used u WHERE u.expire_time > clock_timestamp()
$$;

REVOKE EXECUTE ON FUNCTION identity.make_ticket(text, uuid, integer), identity.use_ticket(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.make_ticket(text, uuid, integer), identity.use_ticket(text) TO sfms_identity;

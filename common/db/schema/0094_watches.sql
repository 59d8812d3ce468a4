-- Whoever wants to know at once that something was written, without asking again and again.

-- The processes to be notified, until when. Not logged: after a crash nobody waits.
CREATE UNLOGGED TABLE app.watches (
    id          uuid PRIMARY KEY,
    expire_time timestamptz NOT NULL
);
ALTER TABLE app.watches ENABLE ROW LEVEL SECURITY;

-- A process is to be notified for so many seconds, or not any more. Answers the number of this transaction: those that are below
-- it and not at their end may have written without a word.
CREATE FUNCTION app.watch_events(in_id uuid, in_seconds integer) RETURNS xid8 LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM app.watches WHERE expire_time < clock_timestamp() OR id = in_id;
    INSERT INTO app.watches (id, expire_time)
    SELECT in_id, clock_timestamp() + make_interval(secs => in_seconds) WHERE in_seconds > 0;
    SELECT app.event_xid();
$$;

-- Tells them the number of the transaction, once. To notify makes commits wait for each other, which is why it is done while
-- somebody waits and little is written.
CREATE FUNCTION app.tell_watches() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM app.watches WHERE expire_time > clock_timestamp()) THEN
        PERFORM pg_notify('sfms_events', app.event_xid()::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_watches AFTER INSERT ON app.events FOR EACH STATEMENT EXECUTE FUNCTION app.tell_watches();

-- The organisations of which events have become complete since a mark, and the mark of now; no organisations if NULL is given. One
-- look into the index for each: a join might read all events.
CREATE FUNCTION app.heads(in_last xid8) RETURNS TABLE (org_id uuid, mark xid8) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT grown.org_id, now.mark
      FROM (SELECT app.event_mark() AS mark OFFSET 0) now
      LEFT JOIN LATERAL (
           SELECT o.org_id FROM identity.orgs o CROSS JOIN LATERAL (
                  SELECT 1 FROM app.events e WHERE e.org_id = o.org_id AND e.xid >= in_last AND e.xid < now.mark LIMIT 1) new
           ) grown ON true
$$;

REVOKE EXECUTE ON FUNCTION app.watch_events(uuid, integer), app.tell_watches(), app.heads(xid8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.watch_events(uuid, integer), app.heads(xid8) TO sfms_service;

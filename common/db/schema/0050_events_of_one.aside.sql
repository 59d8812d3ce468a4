-- The feed of one collection: there may be three of its events among millions.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_resource ON app.events (org_id, resource, xid, seq);

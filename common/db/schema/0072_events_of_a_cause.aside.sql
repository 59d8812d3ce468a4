CREATE INDEX CONCURRENTLY IF NOT EXISTS events_cause ON app.events (org_id, cause, xid, seq) WHERE cause IS NOT NULL;

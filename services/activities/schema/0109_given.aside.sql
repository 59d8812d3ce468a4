CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS notifications_event ON activities.notifications (org_id, user_id, event_id) WHERE event_id IS NOT NULL;

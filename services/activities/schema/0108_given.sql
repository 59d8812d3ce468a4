-- A notification that a record was given to its user: of one event or, where many records are given at once, of what caused them.
ALTER TABLE activities.notifications ALTER COLUMN remind_time DROP NOT NULL, ADD COLUMN actor_id uuid, ADD COLUMN event_id uuid;
ALTER TABLE activities.notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE activities.notifications ADD CONSTRAINT notifications_kind_check CHECK (kind IN ('REMINDER', 'RECORD_GIVEN')) NOT VALID;

-- Definer, as it is for others than who has asked for it; within the organisation that it is done for. Once for each event, however
-- often it is read.
CREATE FUNCTION activities.notify_given(in_id uuid, in_user uuid, in_actor uuid, in_event uuid, in_resource text, in_record uuid,
    in_title text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO activities.notifications (org_id, id, user_id, kind, actor_id, event_id, resource, record_id, title)
    SELECT app.org_id(), in_id, u.id, 'RECORD_GIVEN', in_actor, in_event, in_resource, in_record, in_title
      FROM identity.users u WHERE u.org_id = app.org_id() AND u.id = in_user AND u.delete_time IS NULL
    ON CONFLICT DO NOTHING
$$;
REVOKE EXECUTE ON FUNCTION activities.notify_given FROM PUBLIC;
GRANT EXECUTE ON FUNCTION activities.notify_given TO sfms_activities;

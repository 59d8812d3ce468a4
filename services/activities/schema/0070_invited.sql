-- Who is deleted is not invited; who was before stays, so that the meeting can be changed all the same. Whoever is disabled may be
-- invited: an invitation is no work to be done, and he finds it when he is back.
--
-- They stay as they are for this transaction: a deletion, which locks first (app.hold), waits. Definer: locking wants a right that no
-- other service has.
CREATE FUNCTION activities.refuse_deleted_attendees() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known uuid[] := CASE WHEN TG_OP = 'UPDATE' THEN OLD.attendee_ids ELSE '{}' END;
BEGIN
    IF NEW.attendee_ids <@ known THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM identity.users
      WHERE org_id = NEW.org_id AND id = ANY (NEW.attendee_ids) AND id <> ALL (known) ORDER BY id FOR KEY SHARE;
    IF EXISTS (SELECT 1 FROM identity.users WHERE org_id = NEW.org_id AND id = ANY (NEW.attendee_ids) AND id <> ALL (known)
                  AND delete_time IS NOT NULL) THEN
        RAISE EXCEPTION USING COLUMN = 'attendee_ids', HINT = 'DELETED_RECORD', MESSAGE = 'names a deleted user',
            DETAIL = '其中有已删除的用户';
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION activities.refuse_deleted_attendees FROM PUBLIC;

-- After the row is there, as an upsert of what is there already inserts nothing. Without WHEN, which costs each statement more than
-- the function does.
CREATE TRIGGER attendees_deleted AFTER INSERT ON activities.meetings
    FOR EACH ROW EXECUTE FUNCTION activities.refuse_deleted_attendees();
CREATE TRIGGER attendees_deleted_again AFTER UPDATE OF attendee_ids ON activities.meetings
    FOR EACH ROW EXECUTE FUNCTION activities.refuse_deleted_attendees();

-- What is deleted gets no new activities, and who is deleted is not invited; what was there before stays.

-- Whether a record of any kind is deleted. It stays as it is for this transaction: its deletion, which locks it first (app.hold),
-- waits. Definer: locking wants a right that no other service has.
CREATE FUNCTION app.record_deleted(in_resource text, in_id uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    target  regclass;
    deleted boolean;
BEGIN
    SELECT relation INTO target FROM app.resources r
     WHERE name = in_resource
       AND EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = r.relation AND attname = 'delete_time' AND NOT attisdropped);
    IF target IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT delete_time IS NOT NULL FROM %s WHERE org_id = app.org_id() AND id = $1 FOR KEY SHARE', target)
       INTO deleted USING in_id;
    RETURN coalesce(deleted, false);
END $$;
REVOKE EXECUTE ON FUNCTION app.record_deleted FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.record_deleted TO sfms_activities;

CREATE FUNCTION activities.refuse_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF app.org_id() IS NOT NULL AND app.record_deleted(NEW.related_resource, NEW.related_id) THEN
        RAISE EXCEPTION USING COLUMN = 'related_id', HINT = 'DELETED_RECORD', MESSAGE = 'is a deleted record', DETAIL = '该记录已删除';
    END IF;
    RETURN NULL;
END $$;

-- After the row is there, as an upsert of what is there already inserts nothing.
DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['tasks', 'meetings', 'calls', 'notes'] LOOP
        EXECUTE format('CREATE TRIGGER related_deleted AFTER INSERT ON activities.%I'
                       ' FOR EACH ROW WHEN (NEW.related_id IS NOT NULL) EXECUTE FUNCTION activities.refuse_deleted()', relation);
        EXECUTE format('CREATE TRIGGER related_deleted_again AFTER UPDATE OF related_resource, related_id ON activities.%I FOR EACH ROW'
                       ' WHEN (NEW.related_id IS NOT NULL AND NEW.related_id IS DISTINCT FROM OLD.related_id)'
                       ' EXECUTE FUNCTION activities.refuse_deleted()', relation);
    END LOOP;
END $$;

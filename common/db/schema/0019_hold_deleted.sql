-- A record is deleted, or kept as others point to it, on the strength of what is looked up at that moment; and what begins to point
-- to a record looks whether it is deleted. Neither sees the other's change before it is committed, so they must wait for each
-- other. Whatever points to a record holds it by its foreign key, which is a lock that lets others point to it and change it, too.
-- So it is for the deletion, which is rare, to take the lock that waits for all of these and lets none in: before anything is
-- looked up (the trigger's name is the first). guard_reference looks after the key has its lock. Creates pay nothing for it.
CREATE FUNCTION app.hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT 1 FROM %s WHERE org_id = $1 AND id = $2 FOR UPDATE', TG_RELID::regclass) USING OLD.org_id, OLD.id;
    RETURN NEW;
END $$;

CREATE FUNCTION app.hold_deleted(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER a_hold BEFORE UPDATE ON %s FOR EACH ROW'
                   ' WHEN (OLD.delete_time IS NULL AND NEW.delete_time IS NOT NULL) EXECUTE FUNCTION app.hold()', relation);
END $$;

SELECT app.hold_deleted(relation) FROM app.resources;

-- As before, with this trigger.
CREATE OR REPLACE FUNCTION app.resource(relation regclass, kind text, shared boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    plain text := (SELECT relname FROM pg_class WHERE oid = relation);
BEGIN
    PERFORM app.protect(relation, kind);
    PERFORM app.touch_last(relation);
    PERFORM app.hold_deleted(relation);
    EXECUTE format('CREATE TRIGGER z_log AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION app.log_event(%L)',
                   relation, plain);
    EXECUTE format('GRANT SELECT (org_id, id) ON %s TO sfms_service', relation);
    IF kind = 'owner' THEN
        PERFORM app.guard_reference(relation, 'owner_id', 'identity.users', 'is a deleted user', '该用户已删除');
    END IF;
    INSERT INTO app.resources VALUES (plain, relation, kind = 'owner' AND NOT shared);
    IF kind = 'owner' AND NOT shared THEN
        EXECUTE format('GRANT SELECT (owner_id) ON %s TO sfms_service', relation);
        PERFORM app.gather_owned_records();
    END IF;
END $$;

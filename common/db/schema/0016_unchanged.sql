-- A write that changes nothing leaves the version, the times and the log alone; and what it changes in custom fields, which a
-- PATCH merges, stays within their bound.

-- The length of JSON in bytes as the API writes it: without blanks between its parts.
CREATE FUNCTION app.json_length(j jsonb) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT octet_length(regexp_replace(j::text, '("(?:[^"\\]|\\.)*")|\s', '\1', 'g')) $$;

-- The last of what happens to a row before it is written. The version is the ETag; whoever writes, it moves on if anything
-- has changed. Generated columns, named in the arguments, have no value yet: they follow from the others.
CREATE OR REPLACE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_NARGS = 1 AND TG_ARGV[0] = 'search_text' THEN
        NEW.search_text := OLD.search_text;
    ELSIF TG_NARGS > 0 THEN
        NEW := jsonb_populate_record(NEW, (SELECT jsonb_object_agg(name, to_jsonb(OLD)->name) FROM unnest(TG_ARGV) name));
    END IF;
    IF NEW IS NOT DISTINCT FROM OLD THEN
        RETURN OLD; -- not NEW: 1.0 is 1 here
    END IF;
    IF NEW.custom_fields IS DISTINCT FROM OLD.custom_fields AND app.org_id() IS NOT NULL
       AND octet_length(NEW.custom_fields::text) > 16384 AND app.json_length(NEW.custom_fields) > 16384 THEN
        RAISE EXCEPTION USING COLUMN = 'custom_fields', HINT = 'TOO_LONG', MESSAGE = 'must have at most 16384 characters',
            DETAIL = '最多 16384 个字符';
    END IF;
    NEW.version := OLD.version + 1;
    NEW.update_time := now();
    RETURN NEW;
END $$;

-- Makes the trigger of a table; again, when it gets or loses a generated column. Its name makes it the last one.
CREATE FUNCTION app.touch_last(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER z_touch BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION app.touch(%s)', relation,
        (SELECT string_agg(quote_literal(attname), ', ' ORDER BY attnum) FROM pg_attribute
          WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated <> ''));
END $$;

DO $$
DECLARE
    target regclass;
BEGIN
    FOR target IN SELECT tgrelid FROM pg_trigger WHERE tgname = 'touch' AND tgfoid = 'app.touch'::regproc LOOP
        PERFORM app.touch_last(target);
        EXECUTE format('DROP TRIGGER touch ON %s', target);
    END LOOP;
END $$;

-- As before, and nothing is logged where nothing was changed.
CREATE OR REPLACE FUNCTION app.log_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old_row jsonb;
    new_row jsonb;
    one     jsonb;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
        RETURN NULL;
    END IF;
    old_row := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - 'search_text' END;
    new_row := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - 'search_text' END;
    one := coalesce(new_row, old_row);
    INSERT INTO app.events (org_id, actor_id, resource, record_id, owner_id, action, before, after)
    VALUES ((one->>'org_id')::uuid, app.user_id(), TG_ARGV[0], (one->>'id')::uuid, (one->>'owner_id')::uuid,
            CASE WHEN TG_OP = 'INSERT' THEN 'CREATED'
                 WHEN TG_OP = 'DELETE' THEN 'DELETED'
                 WHEN old_row->>'delete_time' IS NULL AND new_row->>'delete_time' IS NOT NULL THEN 'DELETED'
                 WHEN old_row->>'delete_time' IS NOT NULL AND new_row->>'delete_time' IS NULL THEN 'UNDELETED'
                 ELSE 'UPDATED' END,
            old_row, new_row);
    RETURN NULL;
END $$;

-- As before, with the trigger that is made above.
CREATE OR REPLACE FUNCTION app.resource(relation regclass, kind text, shared boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    plain text := (SELECT relname FROM pg_class WHERE oid = relation);
BEGIN
    PERFORM app.protect(relation, kind);
    PERFORM app.touch_last(relation);
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

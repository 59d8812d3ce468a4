-- Parts: records that belong to another one, such as the contact methods of an account. CREATE TABLE x (LIKE app.part INCLUDING ALL,
-- account_id uuid NOT NULL, ...) gives the columns that every record has, without those that only what stands by itself needs, and
-- with one index only.
CREATE TABLE app.part (
    org_id      uuid NOT NULL DEFAULT app.org_id(),
    id          uuid NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz,
    PRIMARY KEY (org_id, id)
);
ALTER TABLE app.part ENABLE ROW LEVEL SECURITY; -- a template: no policy, so nobody sees or writes it

-- As app.touch, for tables that have no custom fields.
CREATE FUNCTION app.touch_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_NARGS > 0 THEN
        NEW := jsonb_populate_record(NEW, (SELECT jsonb_object_agg(name, to_jsonb(OLD)->name) FROM unnest(TG_ARGV) name));
    END IF;
    IF NEW IS NOT DISTINCT FROM OLD THEN
        RETURN OLD;
    END IF;
    NEW.version := OLD.version + 1;
    NEW.update_time := now();
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION app.touch_last(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    whole boolean := EXISTS (SELECT 1 FROM pg_attribute
                              WHERE attrelid = relation AND attname = 'custom_fields' AND NOT attisdropped);
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER z_touch BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION app.%s(%s)', relation,
        CASE WHEN whole THEN 'touch' ELSE 'touch_part' END,
        (SELECT string_agg(quote_literal(attname), ', ' ORDER BY attnum) FROM pg_attribute
          WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated <> ''));
END $$;

-- Makes a table of parts a resource. field names the record of the collection that a part belongs to: who sees that record sees
-- its parts, who may change it may make and change them, and where it is removed, they are. A deleted one gets no new parts, and
-- what it has stays as it is.
CREATE FUNCTION app.part(relation regclass, field text, collection text, english text, chinese text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    plain  text := (SELECT relname FROM pg_class WHERE oid = relation);
    target regclass := (SELECT r.relation FROM app.resources r WHERE r.name = collection);
BEGIN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (org_id, %I) REFERENCES %s ON DELETE CASCADE', relation,
                   plain || '_' || field || '_fkey', field, target);
    EXECUTE format('CREATE INDEX %I ON %s (org_id, %I, id)', plain || '_' || field, relation, field);
    PERFORM app.resource(relation, VARIADIC ARRAY[format('parent %s %s', field, collection)]);
    PERFORM app.guard_reference(relation, field, target::text, english, chinese);
    EXECUTE format('GRANT SELECT (%I) ON %s TO sfms_service', field, relation);
END $$;

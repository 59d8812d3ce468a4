-- The fields that organisations define for their records. Contract: proto/sfms/api/v1/custom_field.proto. All services read them.

CREATE TABLE identity.fields (
    LIKE app.record INCLUDING ALL,
    collection    text NOT NULL,
    name          text NOT NULL,
    label         jsonb NOT NULL,
    type          text NOT NULL CHECK (type IN ('TEXT', 'LONG_TEXT', 'NUMBER', 'MONEY', 'DATE', 'TIME', 'BOOLEAN', 'CHOICE', 'CHOICES',
                                                'REFERENCE', 'URL', 'PHONE', 'EMAIL', 'JSON')),
    description   text,
    required      boolean NOT NULL DEFAULT false,
    default_value jsonb,
    min           text,
    max           text,
    max_length    bigint NOT NULL DEFAULT 0,
    choices       jsonb NOT NULL DEFAULT '[]',
    refers_to     text,
    personal      boolean NOT NULL DEFAULT false,
    search_text   text NOT NULL GENERATED ALWAYS AS (app.searched(name || ' ' || coalesce(label->>'en', '') || ' ' || coalesce(label->>'zh', ''))) STORED
);
CREATE UNIQUE INDEX fields_collection_name_key ON identity.fields (org_id, collection, name) WHERE delete_time IS NULL;
CREATE INDEX fields_name ON identity.fields (org_id, name COLLATE app.by_name, id);
CREATE INDEX fields_collection ON identity.fields (org_id, collection COLLATE app.by_name, id);
CREATE INDEX fields_search ON identity.fields USING gin (app.grams(search_text));
SELECT app.resource('identity.fields', 'tenant');
SELECT app.named('identity.fields', 'name');
GRANT SELECT, INSERT, UPDATE ON identity.fields TO sfms_identity;
GRANT SELECT ON identity.fields TO sfms_service;

-- Counts the changes of an organisation's definitions: what processes keep of them is of one version.
CREATE TABLE identity.shapes (
    org_id  uuid PRIMARY KEY,
    version bigint NOT NULL
);
SELECT app.protect('identity.shapes', 'tenant');

-- 1: it has never defined any. Definer, as it is asked while nobody has signed in yet.
CREATE FUNCTION app.shape_version(in_org uuid) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT version FROM identity.shapes WHERE org_id = in_org), 1)
$$;
REVOKE EXECUTE ON FUNCTION app.shape_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.shape_version TO sfms_service;

-- Those who define fields of an organisation do so one after the other, so that none misses what another makes.
CREATE FUNCTION identity.reshape() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO identity.shapes AS s VALUES (NEW.org_id, 2) ON CONFLICT (org_id) DO UPDATE SET version = s.version + 1;
    IF TG_OP = 'INSERT' AND app.org_id() IS NOT NULL
       AND 300 < (SELECT count(*) FROM identity.fields WHERE org_id = NEW.org_id AND collection = NEW.collection AND delete_time IS NULL) THEN
        RAISE EXCEPTION USING COLUMN = 'collection', HINT = 'TOO_MANY_FIELDS', MESSAGE = 'has 300 fields already', DETAIL = '该集合已有 300 个字段';
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION identity.reshape FROM PUBLIC;
CREATE TRIGGER reshape AFTER INSERT OR UPDATE ON identity.fields FOR EACH ROW EXECUTE FUNCTION identity.reshape();

-- ---- what must agree --------------------------------------------------------------------------------------------

-- Refuses a member of a definition. COLUMN is the member.
CREATE FUNCTION identity.refuse_field(member text, reason text, english text, chinese text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING COLUMN = member, HINT = reason, MESSAGE = english, DETAIL = chinese;
END $$;

-- A value as it is stored in a field of the type, where texts alone do not tell; NULL if it is none.
CREATE FUNCTION identity.field_value(type text, choices jsonb, value jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    t    text := value #>> '{}';
    kind text := jsonb_typeof(value);
BEGIN
    IF type IN ('NUMBER', 'MONEY') THEN
        RETURN CASE WHEN kind IN ('string', 'number') AND t ~ '^-?[0-9]{1,18}(\.[0-9]{1,6})?$' THEN to_jsonb(trim_scale(t::numeric)::text) END;
    ELSIF type = 'BOOLEAN' THEN
        RETURN CASE WHEN kind = 'boolean' THEN value END;
    ELSIF type = 'JSON' THEN
        RETURN value;
    ELSIF type = 'CHOICES' THEN
        RETURN CASE WHEN kind = 'array' AND value <@ (SELECT coalesce(jsonb_agg(c->'value'), '[]') FROM jsonb_array_elements(choices) c)
               THEN value END;
    ELSIF kind <> 'string' OR t = '' THEN
        RETURN NULL;
    ELSIF type = 'CHOICE' THEN
        RETURN CASE WHEN EXISTS (SELECT 1 FROM jsonb_array_elements(choices) one WHERE one->'value' = field_value.value) THEN value END;
    ELSIF type = 'DATE' THEN
        RETURN CASE WHEN t ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' AND to_char(t::date, 'YYYY-MM-DD') = t THEN value END;
    ELSIF type = 'TEXT' OR type = 'LONG_TEXT' THEN
        RETURN value;
    END IF;
    RETURN NULL; -- of the other types there is no default
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;

-- The definition as a whole, as its members are about each other.
CREATE FUNCTION identity.guard_field() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ordered boolean := NEW.type IN ('NUMBER', 'MONEY', 'DATE');
    chosen  boolean := NEW.type IN ('CHOICE', 'CHOICES');
BEGIN
    IF app.org_id() IS NULL OR NEW.delete_time IS NOT NULL THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM app.resources r JOIN pg_attribute a ON a.attrelid = r.relation AND a.attname = 'custom_fields'
                    WHERE r.name = NEW.collection) THEN
        PERFORM identity.refuse_field('collection', 'NO_SUCH_COLLECTION', 'is no collection with custom fields', '不是带自定义字段的集合');
    END IF;
    IF coalesce(NEW.label->>'en', '') = '' AND coalesce(NEW.label->>'zh', '') = '' THEN
        PERFORM identity.refuse_field('label', 'REQUIRED', 'is required', '必填');
    END IF;
    IF chosen AND NEW.choices = '[]' THEN
        PERFORM identity.refuse_field('choices', 'REQUIRED', 'is required', '必填');
    ELSIF (SELECT count(*) <> count(DISTINCT c->>'value') FROM jsonb_array_elements(NEW.choices) c) THEN
        PERFORM identity.refuse_field('choices', 'GIVEN_TWICE', 'has a value more than once', '选项值重复');
    END IF;
    IF NEW.type = 'REFERENCE' AND NOT EXISTS (SELECT 1 FROM app.resources WHERE name = NEW.refers_to) THEN
        PERFORM identity.refuse_field('refers_to', 'NO_SUCH_COLLECTION', 'must be a collection of records', '必须是记录集合');
    END IF;
    PERFORM identity.refuse_field(member, 'NOT_FOR_TYPE', 'is not for fields of this type', '不适用于此类型的字段')
       FROM (VALUES ('choices', NEW.choices <> '[]' AND NOT chosen), ('refers_to', NEW.refers_to IS NOT NULL AND NEW.type <> 'REFERENCE'),
                    ('min', NEW.min IS NOT NULL AND NOT ordered), ('max', NEW.max IS NOT NULL AND NOT ordered),
                    ('max_length', NEW.max_length > 0 AND NEW.type NOT IN ('TEXT', 'LONG_TEXT'))) v (member, wrong) WHERE wrong;
    NEW.min := CASE WHEN ordered AND NEW.min IS NOT NULL THEN coalesce(identity.field_value(NEW.type, '[]', to_jsonb(NEW.min)) #>> '{}', '!') END;
    NEW.max := CASE WHEN ordered AND NEW.max IS NOT NULL THEN coalesce(identity.field_value(NEW.type, '[]', to_jsonb(NEW.max)) #>> '{}', '!') END;
    PERFORM identity.refuse_field(member, 'BAD_FORMAT', 'must be a value of the field''s type', '必须是该字段类型的值')
       FROM (VALUES ('min', NEW.min), ('max', NEW.max)) v (member, value) WHERE value = '!';
    IF (NEW.type = 'DATE' AND NEW.max < NEW.min) OR (NEW.type <> 'DATE' AND ordered AND NEW.max::numeric < NEW.min::numeric) THEN
        PERFORM identity.refuse_field('max', 'OUT_OF_RANGE', 'must not be less than min', '不能小于 min');
    END IF;
    IF NEW.default_value IS NOT NULL THEN
        NEW.default_value := identity.field_value(NEW.type, NEW.choices, NEW.default_value);
        IF NEW.default_value IS NULL OR (NEW.max_length > 0 AND length(NEW.default_value #>> '{}') > NEW.max_length) THEN
            PERFORM identity.refuse_field('default_value', 'BAD_FORMAT', 'must be a value of the field''s type, and only some types take a default', '必须是该字段类型的值，且仅部分类型可有默认值');
        ELSIF (NEW.type = 'DATE' AND (NEW.default_value #>> '{}' < NEW.min OR NEW.default_value #>> '{}' > NEW.max))
           OR (NEW.type IN ('NUMBER', 'MONEY') AND ((NEW.default_value #>> '{}')::numeric < NEW.min::numeric OR (NEW.default_value #>> '{}')::numeric > NEW.max::numeric)) THEN
            PERFORM identity.refuse_field('default_value', 'OUT_OF_RANGE', 'must be between min and max', '必须在 min 与 max 之间');
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON identity.fields FOR EACH ROW EXECUTE FUNCTION identity.guard_field();

-- ---- what is stored already -------------------------------------------------------------------------------------
-- Each key that records hold becomes a field, of a type that takes what it took: numbers of JSON stay such, so they are not NUMBER,
-- which is answered as a string. The version before this one still writes keys of its own while it runs; they can be defined later.

DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT name, relation FROM app.resources r
                WHERE EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = r.relation AND attname = 'custom_fields' AND NOT attisdropped)
                  AND name <> 'fields'
    LOOP
        EXECUTE format($f$
            INSERT INTO identity.fields (org_id, id, collection, name, label, type, max_length)
            SELECT org_id, gen_random_uuid(), %L, key, jsonb_build_object('en', left(key, 255), 'zh', left(key, 255)),
                   CASE WHEN bool_and(jsonb_typeof(value) = 'boolean') THEN 'BOOLEAN'
                        WHEN NOT bool_and(jsonb_typeof(value) = 'string') THEN 'JSON'
                        WHEN bool_or(value #>> '{}' IS DISTINCT FROM coalesce(app.line(value #>> '{}'), '')) THEN 'JSON'
                        WHEN max(length(value #>> '{}')) <= 255 THEN 'TEXT'
                        WHEN max(length(value #>> '{}')) <= 4000 THEN 'LONG_TEXT'
                        ELSE 'JSON' END, 0
              FROM %s, jsonb_each(CASE WHEN jsonb_typeof(custom_fields) = 'object' THEN custom_fields ELSE '{}' END)
             WHERE app.line(key) = key AND value <> 'null'
             GROUP BY org_id, key
        $f$, one.name, one.relation);
    END LOOP;
END $$;

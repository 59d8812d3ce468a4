-- As before; what cannot be is said in words that help, in the place where it stands.
CREATE OR REPLACE FUNCTION activities.check_related() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.related_id IS NULL) <> (NEW.related_resource IS NULL) THEN
        RAISE EXCEPTION USING HINT = 'REQUIRED', MESSAGE = 'is required: relatedResource and relatedId go together',
            COLUMN = CASE WHEN NEW.related_id IS NULL THEN 'related_id' ELSE 'related_resource' END,
            DETAIL = '必填：relatedResource 与 relatedId 须同时给出';
    END IF;
    IF NEW.related_resource = 'notes' OR (TG_TABLE_NAME <> 'notes' AND NEW.related_resource IN ('tasks', 'meetings', 'calls')) THEN
        RAISE EXCEPTION USING COLUMN = 'related_resource', HINT = 'BAD_VALUE', MESSAGE = 'names activities, and no activity is about another',
            DETAIL = '所指为活动记录，活动不能关联其他活动';
    END IF;
    IF NEW.related_id IS NOT NULL AND app.org_id() IS NOT NULL
       AND NOT app.record_visible(NEW.related_resource, NEW.related_id) THEN
        IF NOT EXISTS (SELECT 1 FROM app.resources WHERE name = NEW.related_resource) THEN
            RAISE EXCEPTION USING COLUMN = 'related_resource', HINT = 'NO_SUCH_COLLECTION', MESSAGE = 'names no collection',
                DETAIL = '没有该集合';
        END IF;
        RAISE EXCEPTION 'related record % % is not visible', NEW.related_resource, NEW.related_id
              USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME,
                    CONSTRAINT = TG_TABLE_NAME || '_related_id_fkey';
    END IF;
    RETURN NEW;
END $$;

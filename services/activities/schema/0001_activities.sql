-- What happened, and what should happen next. Columns are the fields of proto/sfms/activities/v1.

CREATE SCHEMA activities;
GRANT USAGE ON SCHEMA activities TO sfms_service;

-- ---- what activities have in common -----------------------------------------------------------------------------

-- What an activity is about is said whole, and must exist and be visible to whoever writes it.
CREATE FUNCTION activities.check_related() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.related_id IS NULL) <> (NEW.related_resource IS NULL) THEN
        RAISE EXCEPTION USING HINT = 'REQUIRED', MESSAGE = 'is required: relatedResource and relatedId go together',
            COLUMN = CASE WHEN NEW.related_id IS NULL THEN 'related_id' ELSE 'related_resource' END,
            DETAIL = '必填：relatedResource 与 relatedId 须同时给出';
    END IF;
    IF NEW.related_id IS NOT NULL AND app.org_id() IS NOT NULL
       AND NOT app.record_visible(NEW.related_resource, NEW.related_id) THEN
        RAISE EXCEPTION 'related record % % is not visible', NEW.related_resource, NEW.related_id
              USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME,
                    CONSTRAINT = TG_TABLE_NAME || '_related_id_fkey';
    END IF;
    RETURN NEW;
END $$;

-- Makes a table an activity: a resource with an owner, which is also seen by who sees the record that it is
-- about. Writing stays with the owner's policy. PostgreSQL evaluates policies in the reverse order of their
-- names ("owner", "attendee", "about"), so the other record is looked for only for rows that the others do not show.
--
-- Who sees the records of few people finds few of all activities, and looks at many for a page: the planner makes a set of what
-- these people own, once (1 ms for 1,000 records, 400 ms for 400,000). Who sees those of many finds a page at once, and looks up
-- the record of each row in turn (10 us); OFFSET 0 keeps the planner from making a set there. Records that are not seen by owner
-- alone are looked at one by one, 80 us each.
CREATE FUNCTION activities.activity(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM app.resource(relation, 'owner', shared => true);
    EXECUTE format('CREATE POLICY about ON %s FOR SELECT USING (org_id = (SELECT app.org_id()) AND related_id IS NOT NULL'
                   ' AND (CASE WHEN cardinality((SELECT app.seen_owners())) <= 20'
                   '           THEN EXISTS (SELECT 1 FROM app.owned_records o WHERE o.org_id = (SELECT app.org_id())'
                   '                           AND o.owner_id = ANY ((SELECT app.seen_owners())::uuid[])'
                   '                           AND o.resource = related_resource AND o.id = related_id)'
                   '           ELSE EXISTS (SELECT 1 FROM app.owned_records o WHERE o.org_id = (SELECT app.org_id())'
                   '                           AND o.resource = related_resource AND o.id = related_id OFFSET 0) END'
                   '      OR (related_resource <> ALL ((SELECT app.owned_resources())::text[])'
                   '          AND app.record_visible(related_resource, related_id))))', relation);
    EXECUTE format('CREATE TRIGGER related BEFORE INSERT OR UPDATE OF related_resource, related_id ON %s'
                   ' FOR EACH ROW EXECUTE FUNCTION activities.check_related()', relation);
    EXECUTE format('CREATE INDEX ON %s (org_id, related_id, id)', relation);
    EXECUTE format('CREATE INDEX ON %s USING gin (app.grams(search_text))', relation);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %s TO sfms_activities', relation);
END $$;

-- ---- reminders --------------------------------------------------------------------------------------------------

-- The job of one reminder: the same record, time and person give the same id, so that it is never there
-- twice.
CREATE FUNCTION activities.reminder_id(record_id uuid, remind_time timestamptz, owner_id uuid) RETURNS uuid
LANGUAGE sql STABLE
AS $$ SELECT md5('reminder ' || record_id || ' ' || extract(epoch FROM remind_time) || ' ' || owner_id)::uuid $$;

-- Keeps the job of a reminder in step with its task or meeting, in the same transaction. A reminder whose
-- time has passed when it is set is due at once.
CREATE FUNCTION activities.schedule_reminder() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_job uuid;
    new_job uuid;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.remind_time IS NOT NULL THEN
        old_job := activities.reminder_id(OLD.id, OLD.remind_time, OLD.owner_id);
    END IF;
    IF NEW.remind_time IS NOT NULL AND NEW.delete_time IS NULL
       AND coalesce(to_jsonb(NEW)->>'status', 'OPEN') = 'OPEN' THEN
        new_job := activities.reminder_id(NEW.id, NEW.remind_time, NEW.owner_id);
    END IF;
    IF old_job IS DISTINCT FROM new_job AND old_job IS NOT NULL THEN
        UPDATE app.jobs SET state = 'CANCELLED', end_time = now()
         WHERE org_id = OLD.org_id AND id = old_job AND state = 'PENDING';
    END IF;
    IF new_job IS NOT NULL THEN
        INSERT INTO app.jobs AS j (org_id, id, user_id, kind, payload, run_at)
        VALUES (NEW.org_id, new_job, NEW.owner_id, 'reminder',
                jsonb_build_object('resource', TG_TABLE_NAME, 'recordId', NEW.id, 'remindTime', NEW.remind_time),
                NEW.remind_time)
        ON CONFLICT (org_id, id) DO UPDATE SET state = 'PENDING', attempt = 0, end_time = NULL
         WHERE j.state = 'CANCELLED';
    END IF;
    RETURN NULL;
END $$;

CREATE TABLE activities.notifications (
    org_id      uuid NOT NULL DEFAULT app.org_id(),
    id          uuid NOT NULL,
    user_id     uuid NOT NULL DEFAULT app.user_id(),
    kind        text NOT NULL CHECK (kind IN ('REMINDER')),
    create_time timestamptz NOT NULL DEFAULT now(),
    read_time   timestamptz,
    resource    text NOT NULL,
    record_id   uuid NOT NULL,
    title       text NOT NULL,
    remind_time timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    CONSTRAINT notifications_once UNIQUE (org_id, user_id, record_id, remind_time)
);
CREATE INDEX notifications_user ON activities.notifications (org_id, user_id, id DESC);
CREATE INDEX notifications_unread ON activities.notifications (org_id, user_id, id DESC) WHERE read_time IS NULL;
SELECT app.protect('activities.notifications', 'user');
GRANT SELECT, INSERT, UPDATE ON activities.notifications TO sfms_activities;

-- ---- tasks ------------------------------------------------------------------------------------------------------

CREATE TABLE activities.tasks (
    LIKE app.owned_record INCLUDING ALL,
    subject          text NOT NULL,
    due_date         date,
    due_time         text,
    remind_time      timestamptz,
    status           text NOT NULL DEFAULT 'OPEN',
    priority         text NOT NULL DEFAULT 'NORMAL',
    complete_time    timestamptz,
    description      text,
    related_resource text,
    related_id       uuid,
    search_text      text NOT NULL GENERATED ALWAYS AS (app.searched(subject || ' ' || coalesce(description, ''))) STORED,
    CONSTRAINT tasks_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users,
    CONSTRAINT tasks_due_time_check CHECK (due_time ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
    CONSTRAINT tasks_status_check CHECK (status IN ('OPEN', 'DONE', 'CANCELLED')),
    CONSTRAINT tasks_priority_check CHECK (priority IN ('LOW', 'NORMAL', 'HIGH')),
    CONSTRAINT tasks_related_resource_check CHECK (related_resource NOT IN ('tasks', 'meetings', 'calls', 'notes'))
);

CREATE FUNCTION activities.refuse_due_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING COLUMN = 'due_time', HINT = 'NO_DUE_DATE', MESSAGE = 'is only for a task with a due date',
        DETAIL = '仅适用于有截止日期的任务';
END $$;
CREATE TRIGGER due_time AFTER INSERT OR UPDATE ON activities.tasks
    FOR EACH ROW WHEN (NEW.due_time IS NOT NULL AND NEW.due_date IS NULL) EXECUTE FUNCTION activities.refuse_due_time();

CREATE FUNCTION activities.complete_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'DONE' THEN
        NEW.complete_time := NULL;
    ELSIF NEW.complete_time IS NULL THEN
        NEW.complete_time := now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER complete BEFORE INSERT OR UPDATE ON activities.tasks FOR EACH ROW EXECUTE FUNCTION activities.complete_task();
CREATE TRIGGER remind AFTER INSERT OR UPDATE OF remind_time, status, owner_id, delete_time ON activities.tasks
    FOR EACH ROW EXECUTE FUNCTION activities.schedule_reminder();
CREATE INDEX tasks_due_date ON activities.tasks (org_id, due_date, id);
CREATE INDEX tasks_overdue ON activities.tasks (org_id, due_date, id) WHERE status = 'OPEN' AND delete_time IS NULL;
SELECT activities.activity('activities.tasks');

-- ---- meetings ---------------------------------------------------------------------------------------------------

GRANT EXECUTE ON FUNCTION identity.is_time_zone(text) TO sfms_activities; -- for the check of time_zone

CREATE TABLE activities.meetings (
    LIKE app.owned_record INCLUDING ALL,
    subject          text NOT NULL,
    start_time       timestamptz NOT NULL,
    end_time         timestamptz NOT NULL,
    location         text,
    time_zone        text,
    attendee_ids     uuid[] NOT NULL DEFAULT '{}',
    remind_time      timestamptz,
    description      text,
    related_resource text,
    related_id       uuid,
    search_text      text NOT NULL GENERATED ALWAYS AS (app.searched(subject || ' ' || coalesce(location, '') || ' '
                         || coalesce(description, ''))) STORED,
    CONSTRAINT meetings_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users,
    CONSTRAINT meetings_time_zone_check CHECK (identity.is_time_zone(time_zone)),
    CONSTRAINT meetings_related_resource_check CHECK (related_resource NOT IN ('tasks', 'meetings', 'calls', 'notes'))
);

CREATE FUNCTION activities.refuse_end_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING COLUMN = 'end_time', HINT = 'BEFORE_START', MESSAGE = 'must not be before the start time',
        DETAIL = '不能早于开始时间';
END $$;
CREATE TRIGGER end_time AFTER INSERT OR UPDATE ON activities.meetings
    FOR EACH ROW WHEN (NEW.end_time < NEW.start_time) EXECUTE FUNCTION activities.refuse_end_time();

-- Who takes part are users of the organisation.
CREATE FUNCTION activities.check_attendees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF app.org_id() IS NOT NULL
       AND EXISTS (SELECT 1 FROM unnest(NEW.attendee_ids) id WHERE NOT app.record_visible('users', id)) THEN
        RAISE EXCEPTION 'an attendee is not a user' USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME,
              CONSTRAINT = 'meetings_attendee_ids_fkey';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attendees BEFORE INSERT OR UPDATE OF attendee_ids ON activities.meetings
    FOR EACH ROW EXECUTE FUNCTION activities.check_attendees();
CREATE TRIGGER remind AFTER INSERT OR UPDATE OF remind_time, owner_id, delete_time ON activities.meetings
    FOR EACH ROW EXECUTE FUNCTION activities.schedule_reminder();
CREATE INDEX meetings_start_time ON activities.meetings (org_id, start_time, id);
CREATE INDEX meetings_attendees ON activities.meetings USING gin (attendee_ids);
SELECT activities.activity('activities.meetings');
CREATE POLICY attendee ON activities.meetings FOR SELECT
    USING (org_id = (SELECT app.org_id()) AND (SELECT app.user_id()) = ANY (attendee_ids));

-- ---- calls ------------------------------------------------------------------------------------------------------

CREATE TABLE activities.calls (
    LIKE app.owned_record INCLUDING ALL,
    subject          text NOT NULL,
    direction        text NOT NULL DEFAULT 'OUT',
    call_time        timestamptz NOT NULL DEFAULT now(),
    duration_seconds integer NOT NULL DEFAULT 0,
    outcome          text,
    phone            text,
    description      text,
    related_resource text,
    related_id       uuid,
    search_text      text NOT NULL GENERATED ALWAYS AS (app.searched(subject || ' ' || coalesce(phone, '') || ' '
                         || coalesce(outcome, '') || ' ' || coalesce(description, ''))) STORED,
    CONSTRAINT calls_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users,
    CONSTRAINT calls_direction_check CHECK (direction IN ('IN', 'OUT')),
    CONSTRAINT calls_duration_seconds_check CHECK (duration_seconds BETWEEN 0 AND 604800),
    CONSTRAINT calls_related_resource_check CHECK (related_resource NOT IN ('tasks', 'meetings', 'calls', 'notes'))
);
CREATE INDEX calls_call_time ON activities.calls (org_id, call_time, id);
SELECT activities.activity('activities.calls');

-- ---- notes ------------------------------------------------------------------------------------------------------

CREATE TABLE activities.notes (
    LIKE app.owned_record INCLUDING ALL,
    body             text NOT NULL,
    related_resource text NOT NULL,
    related_id       uuid NOT NULL,
    search_text      text NOT NULL GENERATED ALWAYS AS (app.searched(body)) STORED,
    CONSTRAINT notes_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users,
    CONSTRAINT notes_related_resource_check CHECK (related_resource <> 'notes')
);
SELECT activities.activity('activities.notes');

-- ---- imports ----------------------------------------------------------------------------------------------------

CREATE TABLE activities.imports (
    LIKE app.owned_record INCLUDING ALL,
    resource       text NOT NULL,
    mapping        jsonb NOT NULL,
    state          text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED')),
    total_rows     bigint NOT NULL DEFAULT 0,
    created_rows   bigint NOT NULL DEFAULT 0,
    updated_rows   bigint NOT NULL DEFAULT 0,
    skipped_rows   bigint NOT NULL DEFAULT 0,
    failed_rows    bigint NOT NULL DEFAULT 0,
    done           boolean NOT NULL GENERATED ALWAYS AS (state IN ('DONE', 'FAILED', 'CANCELLED')) STORED,
    error          text,
    end_time       timestamptz,
    processed_rows bigint NOT NULL DEFAULT 0,
    CONSTRAINT imports_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users
);
COMMENT ON COLUMN activities.imports.processed_rows IS
    'rows of the file that are dealt with or put aside; a job that is taken up again goes on after them';

-- As app.resource, but progress is no event: only the beginning and the change of state are.
SELECT app.protect('activities.imports', 'owner');
CREATE TRIGGER touch BEFORE UPDATE ON activities.imports FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TRIGGER z_log AFTER INSERT ON activities.imports FOR EACH ROW EXECUTE FUNCTION app.log_event('imports');
CREATE TRIGGER z_log_state AFTER UPDATE ON activities.imports FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION app.log_event('imports');
INSERT INTO app.resources VALUES ('imports', 'activities.imports');
GRANT SELECT (org_id, id) ON activities.imports TO sfms_service;
GRANT SELECT, INSERT, UPDATE ON activities.imports TO sfms_activities;

-- The uploaded file as UTF-8, kept until the import has ended; its header and delimiter stay for the file of
-- refused rows.
CREATE TABLE activities.import_files (
    org_id    uuid NOT NULL DEFAULT app.org_id(),
    import_id uuid NOT NULL,
    header    jsonb NOT NULL,
    delimiter text NOT NULL,
    locale    text NOT NULL,
    content   text,
    PRIMARY KEY (org_id, import_id),
    FOREIGN KEY (org_id, import_id) REFERENCES activities.imports
);

-- Refused rows, and rows that are put aside because they look up a row of the same file that has not come yet
-- (reason NULL).
CREATE TABLE activities.import_errors (
    org_id     uuid NOT NULL DEFAULT app.org_id(),
    import_id  uuid NOT NULL,
    row_number bigint NOT NULL,
    cells      jsonb NOT NULL,
    reason     text,
    PRIMARY KEY (org_id, import_id, row_number),
    FOREIGN KEY (org_id, import_id) REFERENCES activities.imports
);

-- Both are seen by who sees the import.
ALTER TABLE activities.import_files ENABLE ROW LEVEL SECURITY;
CREATE POLICY import ON activities.import_files USING (org_id = (SELECT app.org_id())
    AND EXISTS (SELECT 1 FROM activities.imports i WHERE i.org_id = import_files.org_id AND i.id = import_id));
ALTER TABLE activities.import_errors ENABLE ROW LEVEL SECURITY;
CREATE POLICY import ON activities.import_errors USING (org_id = (SELECT app.org_id())
    AND EXISTS (SELECT 1 FROM activities.imports i WHERE i.org_id = import_errors.org_id AND i.id = import_id));
GRANT SELECT, INSERT, UPDATE ON activities.import_files TO sfms_activities;
GRANT SELECT, INSERT, UPDATE, DELETE ON activities.import_errors TO sfms_activities;

-- Reminders go with what they remind of, and wait for whom they are for.

-- A request that brings a reminder is taken at its word. That it does is seen from the columns that it writes, by the trigger
-- that makes this note; the next one reads it, and takes it away.
CREATE FUNCTION activities.note_reminder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('sfms.reminder_given', 'yes', true);
    RETURN NEW;
END $$;

-- Otherwise the reminder keeps its distance; within the years that a time can have.
CREATE FUNCTION activities.within_time(t timestamptz) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT greatest(least(t, '9999-12-31 23:59:59Z'), '0001-01-01 00:00:00Z') $$;

CREATE FUNCTION activities.move_meeting_reminder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('sfms.reminder_given', true) = 'yes' THEN
        PERFORM set_config('sfms.reminder_given', '', true);
    ELSE
        NEW.remind_time := activities.within_time(NEW.remind_time + make_interval(
            secs => extract(epoch FROM NEW.start_time)::float8 - extract(epoch FROM OLD.start_time)::float8));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER remind_1_given BEFORE UPDATE OF remind_time ON activities.meetings FOR EACH ROW
    WHEN (OLD.start_time <> NEW.start_time) EXECUTE FUNCTION activities.note_reminder();
CREATE TRIGGER remind_2_move BEFORE UPDATE ON activities.meetings FOR EACH ROW
    WHEN (OLD.start_time <> NEW.start_time) EXECUTE FUNCTION activities.move_meeting_reminder();

-- A task is due on a day where its owner is: nine in the morning stays nine in the morning, whatever becomes of the clocks. The
-- time of day counts where there was one and is one.
CREATE FUNCTION activities.move_task_reminder() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    zone text;
    step interval;
BEGIN
    IF current_setting('sfms.reminder_given', true) = 'yes' THEN
        PERFORM set_config('sfms.reminder_given', '', true);
    ELSIF NEW.remind_time IS NOT NULL THEN
        zone := coalesce((SELECT time_zone FROM app.caller(NEW.org_id, NEW.owner_id)),
                         nullif(current_setting('sfms.time_zone', true), ''), 'UTC');
        step := make_interval(days => NEW.due_date - OLD.due_date)
                + coalesce(NEW.due_time::time - OLD.due_time::time, interval '0');
        NEW.remind_time := activities.within_time((NEW.remind_time AT TIME ZONE zone + step) AT TIME ZONE zone);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER remind_1_given BEFORE UPDATE OF remind_time ON activities.tasks FOR EACH ROW
    WHEN (OLD.due_date <> NEW.due_date OR OLD.due_time <> NEW.due_time)
    EXECUTE FUNCTION activities.note_reminder();
CREATE TRIGGER remind_2_move BEFORE UPDATE ON activities.tasks FOR EACH ROW
    WHEN (OLD.due_date <> NEW.due_date OR OLD.due_time <> NEW.due_time)
    EXECUTE FUNCTION activities.move_task_reminder();

-- As before. A reminder that could not be given, too, is due again when it is wanted again.
CREATE OR REPLACE FUNCTION activities.schedule_reminder() RETURNS trigger LANGUAGE plpgsql AS $$
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
        ON CONFLICT (org_id, id) DO UPDATE
           SET state = 'PENDING', attempt = 0, end_time = NULL, error = NULL, run_at = EXCLUDED.run_at
         WHERE j.state IN ('CANCELLED', 'FAILED');
    END IF;
    RETURN NULL;
END $$;

-- What moves a reminder counts, too.
CREATE OR REPLACE TRIGGER remind AFTER INSERT OR UPDATE OF remind_time, status, owner_id, delete_time, due_date, due_time
    ON activities.tasks FOR EACH ROW EXECUTE FUNCTION activities.schedule_reminder();
CREATE OR REPLACE TRIGGER remind AFTER INSERT OR UPDATE OF remind_time, owner_id, delete_time, start_time
    ON activities.meetings FOR EACH ROW EXECUTE FUNCTION activities.schedule_reminder();

-- Those that were lost while their users were away are given when they are back.
UPDATE app.jobs j SET state = 'PENDING', attempt = 0, end_time = NULL,
       run_at = CASE WHEN (app.caller(j.org_id, j.user_id)).visibility IS NULL THEN 'infinity' ELSE now() END
 WHERE j.kind = 'reminder' AND j.state = 'FAILED' AND j.error LIKE 'The user on whose behalf %';

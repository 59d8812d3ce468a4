-- Days that belong to somebody, and a probability that is the stage's.

-- The first moment of a day where the user is. Where clocks are put back at midnight a day has two, an hour apart: this is the
-- earlier one.
CREATE FUNCTION app.day_start(day date) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    zone  text := coalesce(nullif(current_setting('sfms.time_zone', true), ''), 'UTC');
    start timestamptz := day::timestamp AT TIME ZONE zone;
BEGIN
    RETURN start - greatest((start - interval '1 microsecond') AT TIME ZONE zone + interval '1 microsecond' - day::timestamp,
                            interval '0');
END $$;

-- The first moment of a day where the user is; now if that day is not over.
CREATE OR REPLACE FUNCTION pipeline.moment_of(day date) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN day >= app.today() THEN now() ELSE app.day_start(day) END
$$;

-- What follows from the stage: process, outcome, probability, and the dates. A close date that nobody gave is not before the
-- start: where today is still the day before the one on which a colleague began, it is the day of the start. A start that is
-- in the future wherever one looks from (it is the latest in Kiritimati) has been given by somebody, and is held against it.
CREATE OR REPLACE FUNCTION pipeline.fill_deal_stage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stage pipeline.stages;
BEGIN
    IF NEW.stage_id IS NULL AND NEW.external_id IS NOT NULL THEN
        NEW.stage_id := (pipeline.deal_met(NEW)).stage_id;
    END IF;
    IF NEW.stage_id IS NOT NULL THEN
        SELECT * INTO stage FROM pipeline.stages
         WHERE org_id = NEW.org_id AND id = NEW.stage_id AND delete_time IS NULL;
    ELSE
        SELECT s.* INTO stage FROM pipeline.stages s
          JOIN pipeline.processes p ON p.org_id = s.org_id AND p.id = s.process_id
         WHERE p.org_id = NEW.org_id AND p.delete_time IS NULL AND s.outcome = 'OPEN' AND s.delete_time IS NULL
         ORDER BY p.is_default DESC, p.create_time, p.id, s.position, s.id LIMIT 1;
    END IF;
    IF stage.id IS NULL THEN
        RAISE EXCEPTION USING COLUMN = 'stage_id', HINT = 'NO_SUCH_RECORD',
            MESSAGE = CASE WHEN NEW.stage_id IS NULL THEN 'is required, as no process has an open stage'
                           ELSE 'names a stage that does not exist' END,
            DETAIL = CASE WHEN NEW.stage_id IS NULL THEN '必填：没有任何销售流程含有进行中的阶段' ELSE '所指阶段不存在' END;
    END IF;
    NEW.stage_id := stage.id;
    NEW.process_id := stage.process_id;
    NEW.outcome := stage.outcome;
    NEW.probability := stage.probability;
    IF stage.outcome <> 'OPEN' THEN
        NEW.close_date := coalesce(NEW.close_date, greatest(app.today(), CASE WHEN NEW.start_date <=
            (now() AT TIME ZONE 'Pacific/Kiritimati')::date THEN NEW.start_date END));
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.start_date := coalesce(NEW.start_date, least(app.today(), NEW.close_date));
        NEW.stage_enter_time := pipeline.moment_of(coalesce(NEW.close_date, NEW.start_date));
        RETURN NEW;
    END IF;
    -- A move that waited for another one to end has begun before that one: it comes after it all the same.
    NEW.stage_enter_time := greatest(now(), OLD.stage_enter_time);
    IF stage.outcome = 'OPEN' THEN
        NEW.close_date := NULL;
    END IF;
    IF stage.outcome <> 'LOST' THEN
        NEW.lost_reason := NULL;
    END IF;
    RETURN NEW;
END $$;

-- A deal shows the probability of its stage, which is read from there: a setting of the stage is no change of the deals. The
-- column keeps what it was when the deal came into the stage, for the log.
DROP TRIGGER spread_probability ON pipeline.stages;
DROP FUNCTION pipeline.spread_probability;

-- As before, with the probability of the stage as it is now. A left join, which is left out where nobody asks for it.
CREATE OR REPLACE VIEW pipeline.deal_facts WITH (security_invoker = true) AS
    SELECT d.org_id, d.id, d.owner_id, d.account_id, d.process_id, d.stage_id, coalesce(d.amount, 0) AS amount, d.outcome,
           s.probability, d.start_date, d.expected_close_date, d.close_date, d.line_items
      FROM pipeline.deals d LEFT JOIN pipeline.stages s ON s.org_id = d.org_id AND s.id = d.stage_id
     WHERE d.delete_time IS NULL;

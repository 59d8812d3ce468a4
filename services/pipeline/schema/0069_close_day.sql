-- What the service fills in agrees with what it asks for, whatever people have given.

-- What follows from the stage: process, outcome, probability, and the dates. A close date that nobody gave is not before the
-- start: where today is still the day before the one on which a colleague began, or a start was given that is to come, it is the day
-- of the start.
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
        NEW.close_date := coalesce(NEW.close_date, greatest(app.today(), NEW.start_date));
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

-- What we are selling, and how far it is: processes and their stages, and products. Columns are the fields of
-- proto/sfms/pipeline/v1. Deals are in 0002.

CREATE SCHEMA pipeline;
GRANT USAGE ON SCHEMA pipeline TO sfms_service;

-- The organisation's currency.
CREATE FUNCTION pipeline.currency_of(org uuid) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT currency FROM identity.org_settings WHERE org_id = org $$;

-- Keeps a table's amounts in it: without exchange rates, others could not be added up.
CREATE FUNCTION pipeline.keep_currency() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    base text := pipeline.currency_of(NEW.org_id);
BEGIN
    NEW.currency := coalesce(NEW.currency, base);
    IF NEW.currency <> base THEN
        RAISE EXCEPTION USING COLUMN = 'currency', HINT = 'OTHER_CURRENCY',
            MESSAGE = format('must be %s, the organisation''s currency, as there are no exchange rates', base),
            DETAIL = format('必须为组织的币种 %s（暂无汇率）', base);
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION pipeline.one_currency(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER currency BEFORE INSERT ON %1$s FOR EACH ROW EXECUTE FUNCTION pipeline.keep_currency();'
                   'CREATE TRIGGER currency_again BEFORE UPDATE ON %1$s FOR EACH ROW'
                   ' WHEN (OLD.currency IS DISTINCT FROM NEW.currency) EXECUTE FUNCTION pipeline.keep_currency()', relation);
END $$;

-- ---- processes --------------------------------------------------------------------------------------------------

CREATE TABLE pipeline.processes (
    LIKE app.record INCLUDING ALL,
    name        text NOT NULL,
    is_default  boolean NOT NULL DEFAULT false,
    description text,
    search_text text NOT NULL GENERATED ALWAYS AS (app.searched(name)) STORED
);
CREATE UNIQUE INDEX processes_name_key ON pipeline.processes (org_id, name) WHERE delete_time IS NULL;

-- What is deleted is no default.
CREATE FUNCTION pipeline.drop_default() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.is_default := false;
    RETURN NEW;
END $$;
CREATE TRIGGER drop_default BEFORE UPDATE ON pipeline.processes
    FOR EACH ROW WHEN (NEW.is_default AND NEW.delete_time IS NOT NULL) EXECUTE FUNCTION pipeline.drop_default();

-- A new default takes the place of the old one; one at a time, so that two cannot each miss the other. After the row is
-- there, as an insert that meets a conflict must leave the default alone.
CREATE FUNCTION pipeline.keep_one_default() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('default process ' || NEW.org_id::text, 0));
    UPDATE pipeline.processes SET is_default = false
     WHERE org_id = NEW.org_id AND id <> NEW.id AND is_default;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_one_default AFTER INSERT OR UPDATE ON pipeline.processes
    FOR EACH ROW WHEN (NEW.is_default) EXECUTE FUNCTION pipeline.keep_one_default();

-- Stages are deleted with their process, and come back with it: those that went in the same moment.
CREATE FUNCTION pipeline.delete_stages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pipeline.stages SET delete_time = NEW.delete_time
     WHERE org_id = NEW.org_id AND process_id = NEW.id AND delete_time IS NOT DISTINCT FROM OLD.delete_time;
    RETURN NULL;
END $$;
CREATE TRIGGER delete_stages AFTER UPDATE ON pipeline.processes
    FOR EACH ROW WHEN (OLD.delete_time IS DISTINCT FROM NEW.delete_time) EXECUTE FUNCTION pipeline.delete_stages();

SELECT app.resource('pipeline.processes', 'tenant');
GRANT SELECT, INSERT, UPDATE ON pipeline.processes TO sfms_pipeline;

-- ---- stages -----------------------------------------------------------------------------------------------------

CREATE TABLE pipeline.stages (
    LIKE app.record INCLUDING ALL,
    process_id      uuid NOT NULL,
    name            text NOT NULL,
    position        integer NOT NULL DEFAULT 0,
    probability     double precision NOT NULL DEFAULT 0,
    outcome         text NOT NULL DEFAULT 'OPEN',
    required_fields text[] NOT NULL DEFAULT '{}',
    rotting_days    integer NOT NULL DEFAULT 0,
    description     text,
    search_text     text NOT NULL GENERATED ALWAYS AS (app.searched(name)) STORED,
    CONSTRAINT stages_process_id_fkey FOREIGN KEY (org_id, process_id) REFERENCES pipeline.processes,
    CONSTRAINT stages_probability_check CHECK (probability BETWEEN 0 AND 100),
    CONSTRAINT stages_outcome_check CHECK (outcome IN ('OPEN', 'WON', 'LOST'))
);
CREATE UNIQUE INDEX stages_name_key ON pipeline.stages (org_id, process_id, name) WHERE delete_time IS NULL;

-- What is won is certain, what is lost is impossible.
CREATE FUNCTION pipeline.fix_probability() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.probability := CASE NEW.outcome WHEN 'WON' THEN 100 WHEN 'LOST' THEN 0 ELSE NEW.probability END;
    RETURN NEW;
END $$;
CREATE TRIGGER fix_probability BEFORE INSERT OR UPDATE ON pipeline.stages
    FOR EACH ROW EXECUTE FUNCTION pipeline.fix_probability();

-- Deals show the probability of their stage, so a change of it is a change of them. Definer: it reaches deals that the
-- user does not see.
CREATE FUNCTION pipeline.spread_probability() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE pipeline.deals SET probability = NEW.probability WHERE org_id = NEW.org_id AND stage_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER spread_probability AFTER UPDATE ON pipeline.stages
    FOR EACH ROW WHEN (OLD.probability <> NEW.probability) EXECUTE FUNCTION pipeline.spread_probability();

-- A stage with deals in it stays. Definer: deals that the user does not see count.
CREATE FUNCTION pipeline.keep_used_stage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pipeline.deals
                WHERE org_id = NEW.org_id AND stage_id = NEW.id AND delete_time IS NULL) THEN
        RAISE EXCEPTION USING HINT = 'IN_USE',
            MESSAGE = format('There are deals in the stage "%s"; move them first.', NEW.name),
            DETAIL = format('阶段“%s”中仍有商机，请先将其移走。', NEW.name);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_used_stage BEFORE UPDATE ON pipeline.stages
    FOR EACH ROW WHEN (OLD.delete_time IS NULL AND NEW.delete_time IS NOT NULL)
    EXECUTE FUNCTION pipeline.keep_used_stage();

-- A stage needs its process, also when it comes back.
SELECT app.guard_reference('pipeline.stages', 'process_id', 'pipeline.processes', 'is a deleted process', '该销售流程已删除');
CREATE FUNCTION pipeline.find_process() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pipeline.processes
                WHERE org_id = NEW.org_id AND id = NEW.process_id AND delete_time IS NOT NULL) THEN
        RAISE EXCEPTION USING HINT = 'DELETED_RECORD', MESSAGE = 'The process of the stage is deleted; bring it back first.',
            DETAIL = '阶段所属的销售流程已删除，请先恢复该流程。';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER find_process_again BEFORE UPDATE ON pipeline.stages
    FOR EACH ROW WHEN (OLD.delete_time IS NOT NULL AND NEW.delete_time IS NULL)
    EXECUTE FUNCTION pipeline.find_process();

SELECT app.resource('pipeline.stages', 'tenant');
GRANT SELECT, INSERT, UPDATE ON pipeline.stages TO sfms_pipeline;

-- ---- products ---------------------------------------------------------------------------------------------------

CREATE TABLE pipeline.products (
    LIKE app.record INCLUDING ALL,
    name         text NOT NULL,
    code         text,
    unit_price   numeric,
    currency     text NOT NULL DEFAULT pipeline.currency_of(app.org_id()),
    family       text,
    unit         text,
    discontinued boolean NOT NULL DEFAULT false,
    description  text,
    search_text  text NOT NULL GENERATED ALWAYS AS (app.searched(name || ' ' || coalesce(code, '') || ' '
                     || coalesce(family, ''))) STORED
);
CREATE UNIQUE INDEX products_code_key ON pipeline.products (org_id, code) WHERE delete_time IS NULL;
CREATE INDEX products_name ON pipeline.products (org_id, name, id);
CREATE INDEX products_search ON pipeline.products USING gin (app.grams(search_text));
SELECT pipeline.one_currency('pipeline.products');
SELECT app.resource('pipeline.products', 'tenant');
GRANT SELECT, INSERT, UPDATE ON pipeline.products TO sfms_pipeline;

-- ---- a new organisation -----------------------------------------------------------------------------------------

-- Gives a new organisation a process to start with, in its language.
CREATE FUNCTION pipeline.seed_org() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    process uuid := gen_random_uuid();
    chinese boolean := NEW.locale LIKE 'zh%';
BEGIN
    INSERT INTO pipeline.processes (org_id, id, name, is_default)
    VALUES (NEW.id, process, CASE WHEN chinese THEN '标准销售流程' ELSE 'Standard' END, true);
    INSERT INTO pipeline.stages (org_id, id, process_id, position, name, probability, outcome, required_fields)
    SELECT NEW.id, gen_random_uuid(), process, s.position, CASE WHEN chinese THEN s.zh ELSE s.en END, s.probability,
           s.outcome, s.required_fields
      FROM (VALUES (10, 'Qualification', '初步接洽', 10, 'OPEN', '{}'::text[]),
                   (20, 'Needs Analysis', '需求分析', 25, 'OPEN', '{}'),
                   (30, 'Proposal', '方案报价', 50, 'OPEN', '{}'),
                   (40, 'Negotiation', '商务谈判', 75, 'OPEN', '{}'),
                   (50, 'Closed Won', '赢单', 100, 'WON', '{}'),
                   (60, 'Closed Lost', '输单', 0, 'LOST', '{lostReason}'))
           AS s (position, en, zh, probability, outcome, required_fields);
    RETURN NULL;
END $$;
CREATE TRIGGER seed_pipeline AFTER INSERT ON identity.orgs FOR EACH ROW EXECUTE FUNCTION pipeline.seed_org();

REVOKE EXECUTE ON FUNCTION pipeline.spread_probability, pipeline.keep_used_stage, pipeline.seed_org FROM PUBLIC;

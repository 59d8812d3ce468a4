-- No deal comes into a stage that is being deleted, and none is left in one (see app.hold_deleted). fill_deal_stage looks for the
-- stage before the deal's key holds it; this looks again when it does.
SELECT app.guard_reference('pipeline.deals', 'stage_id', 'pipeline.stages', 'is a deleted stage', '该阶段已删除');

-- What comes back changes no key, so it holds what it stands in itself. Otherwise as before.
CREATE OR REPLACE FUNCTION pipeline.find_process() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gone timestamptz;
BEGIN
    SELECT delete_time INTO gone FROM pipeline.processes
     WHERE org_id = NEW.org_id AND id = NEW.process_id FOR KEY SHARE;
    IF gone IS NOT NULL THEN
        RAISE EXCEPTION USING HINT = 'DELETED_RECORD', MESSAGE = 'The process of the stage is deleted; bring it back first.',
            DETAIL = '阶段所属的销售流程已删除，请先恢复该流程。';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION pipeline.find_stage_again() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gone timestamptz;
BEGIN
    SELECT delete_time INTO gone FROM pipeline.stages WHERE org_id = NEW.org_id AND id = NEW.stage_id FOR KEY SHARE;
    IF gone IS NOT NULL THEN
        RAISE EXCEPTION USING HINT = 'DELETED_RECORD', MESSAGE = 'The stage of the deal is deleted; bring it back first.',
            DETAIL = '商机所处的阶段已删除，请先恢复该阶段。';
    END IF;
    RETURN NEW;
END $$;

-- Deals that have come to be in deleted stages: the stage comes back, with its process, under another name if that is taken.
UPDATE pipeline.processes p SET delete_time = NULL, name = name || CASE WHEN EXISTS (
           SELECT 1 FROM pipeline.processes o WHERE o.org_id = p.org_id AND o.name = p.name AND o.delete_time IS NULL)
       THEN ' ' || left(id::text, 8) ELSE '' END
 WHERE delete_time IS NOT NULL
   AND EXISTS (SELECT 1 FROM pipeline.deals d WHERE d.org_id = p.org_id AND d.process_id = p.id AND d.delete_time IS NULL);
UPDATE pipeline.stages s SET delete_time = NULL, name = name || CASE WHEN EXISTS (
           SELECT 1 FROM pipeline.stages o
            WHERE o.org_id = s.org_id AND o.process_id = s.process_id AND o.name = s.name AND o.delete_time IS NULL)
       THEN ' ' || left(id::text, 8) ELSE '' END
 WHERE delete_time IS NOT NULL
   AND EXISTS (SELECT 1 FROM pipeline.deals d WHERE d.org_id = s.org_id AND d.stage_id = s.id AND d.delete_time IS NULL);

-- What people look records up by is found at once: see the rule lookup in the contract. A key of another system is found without the
-- name of that system, too.

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS deals_external_id_key ON pipeline.deals
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS pipeline.deals_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS products_external_id_key ON pipeline.products
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS pipeline.products_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS processes_external_id_key ON pipeline.processes
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS pipeline.processes_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS stages_external_id_key ON pipeline.stages
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS pipeline.stages_org_id_external_source_external_id_idx;

-- Orders that lists of deals may have.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deals_start_date ON pipeline.deals (org_id, start_date, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS deals_stage_enter_time ON pipeline.deals (org_id, stage_enter_time, id);

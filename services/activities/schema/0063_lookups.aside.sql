-- What people look records up by is found at once: see the rule lookup in the contract. A key of another system is found without the
-- name of that system, too.

CREATE INDEX CONCURRENTLY IF NOT EXISTS calls_phone ON activities.calls (org_id, phone) WHERE phone IS NOT NULL;

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS tasks_external_id_key ON activities.tasks
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS activities.tasks_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS meetings_external_id_key ON activities.meetings
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS activities.meetings_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS calls_external_id_key ON activities.calls
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS activities.calls_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS notes_external_id_key ON activities.notes
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS activities.notes_org_id_external_source_external_id_idx;

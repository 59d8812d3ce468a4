CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_next ON app.jobs (kind, run_at) WHERE state IN ('PENDING', 'RUNNING');
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_turns ON app.jobs (kind, org_id, run_at) WHERE state IN ('PENDING', 'RUNNING');
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS jobs_one_of_a_key ON app.jobs (org_id, kind, key) WHERE state = 'RUNNING' AND key IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_operations ON app.jobs (org_id, create_time, id) WHERE operation;

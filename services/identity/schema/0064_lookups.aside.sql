-- What people look records up by is found at once: see the rule lookup in the contract. A key of another system is found without the
-- name of that system, too.

CREATE INDEX CONCURRENTLY IF NOT EXISTS users_phone ON identity.users (org_id, phone) WHERE phone IS NOT NULL;

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_external_id_key ON identity.users
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS identity.users_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS teams_external_id_key ON identity.teams
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS identity.teams_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS roles_external_id_key ON identity.roles
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS identity.roles_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS orgs_external_id_key ON identity.orgs
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS identity.orgs_org_id_external_source_external_id_idx;

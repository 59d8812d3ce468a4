-- What people look records up by is found at once: see the rule lookup in the contract. A key of another system is found without the
-- name of that system, too.

CREATE INDEX CONCURRENTLY IF NOT EXISTS accounts_phone ON customers.accounts (org_id, phone) WHERE phone IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS accounts_website ON customers.accounts (org_id, website) WHERE website IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS contacts_email ON customers.contacts (org_id, email) WHERE email IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS contacts_phone ON customers.contacts (org_id, phone) WHERE phone IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS contacts_mobile ON customers.contacts (org_id, mobile) WHERE mobile IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS leads_email ON customers.leads (org_id, email) WHERE email IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS leads_phone ON customers.leads (org_id, phone) WHERE phone IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS leads_website ON customers.leads (org_id, website) WHERE website IS NOT NULL;

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS accounts_external_id_key ON customers.accounts
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS customers.accounts_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS contacts_external_id_key ON customers.contacts
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS customers.contacts_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS leads_external_id_key ON customers.leads
    (org_id, external_id, external_source) NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS customers.leads_org_id_external_source_external_id_idx;

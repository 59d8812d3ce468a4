CREATE INDEX CONCURRENTLY IF NOT EXISTS leads_converted_account_id ON customers.leads (org_id, converted_account_id) WHERE converted_account_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS leads_converted_contact_id ON customers.leads (org_id, converted_contact_id) WHERE converted_contact_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS leads_converted_deal_id ON customers.leads (org_id, converted_deal_id) WHERE converted_deal_id IS NOT NULL;

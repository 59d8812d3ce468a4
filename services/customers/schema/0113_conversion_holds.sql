-- The constraints of the conversion, also for the leads that were there before.
ALTER TABLE customers.leads VALIDATE CONSTRAINT leads_status_check;
ALTER TABLE customers.leads VALIDATE CONSTRAINT leads_converted_account_id_fkey;
ALTER TABLE customers.leads VALIDATE CONSTRAINT leads_converted_contact_id_fkey;
ALTER TABLE customers.leads VALIDATE CONSTRAINT leads_converted_deal_id_fkey;

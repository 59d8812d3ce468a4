-- Names in the order that people expect, and mail addresses in one case.

SELECT app.tidy('customers.leads', 'email', 'app.mail'), app.tidy('customers.contacts', 'email', 'app.mail');

CREATE INDEX accounts_by_name ON customers.accounts (org_id, name COLLATE app.by_name, id);
CREATE INDEX leads_by_name ON customers.leads (org_id, name COLLATE app.by_name, id);
CREATE INDEX leads_by_company ON customers.leads (org_id, company COLLATE app.by_name, id);
CREATE INDEX contacts_by_name ON customers.contacts (org_id, name COLLATE app.by_name, id);
DROP INDEX customers.accounts_name, customers.leads_name, customers.leads_company, customers.contacts_name;

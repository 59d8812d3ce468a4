-- Who we sell to. Columns are the fields of proto/sfms/customers/v1.

CREATE SCHEMA customers;
GRANT USAGE ON SCHEMA customers TO sfms_service;

CREATE TABLE customers.accounts (
    LIKE app.owned_record INCLUDING ALL,
    name           text NOT NULL,
    industry       text,
    website        text,
    phone          text,
    country        text,
    province       text,
    city           text,
    street         text,
    employee_count integer NOT NULL DEFAULT 0,
    annual_revenue numeric,
    founded_year   integer NOT NULL DEFAULT 0,
    parent_id      uuid,
    description    text,
    search_text    text NOT NULL GENERATED ALWAYS AS (app.fold(name || ' ' || coalesce(website, '') || ' '
                       || coalesce(phone, '') || ' ' || coalesce(city, ''))) STORED,
    CONSTRAINT accounts_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users,
    CONSTRAINT accounts_parent_id_fkey FOREIGN KEY (org_id, parent_id) REFERENCES customers.accounts,
    CONSTRAINT accounts_parent_id_check CHECK (parent_id <> id)
);
CREATE INDEX accounts_name ON customers.accounts (org_id, name, id);
CREATE INDEX accounts_search ON customers.accounts USING gin (app.grams(search_text));
CREATE INDEX accounts_parent ON customers.accounts (org_id, parent_id) WHERE parent_id IS NOT NULL;
SELECT app.resource('customers.accounts', 'owner');
GRANT SELECT, INSERT, UPDATE ON customers.accounts TO sfms_customers;

-- ---- leads ------------------------------------------------------------------------------------------------------

CREATE TABLE customers.leads (
    LIKE app.owned_record INCLUDING ALL,
    name           text NOT NULL,
    surname        text,
    given_name     text,
    company        text,
    job_title      text,
    email          text,
    phone          text,
    website        text,
    source         text,
    status         text NOT NULL DEFAULT 'NEW',
    rating         text,
    industry       text,
    country        text,
    province       text,
    city           text,
    employee_count integer NOT NULL DEFAULT 0,
    description    text,
    search_text    text NOT NULL GENERATED ALWAYS AS (app.fold(name || ' ' || coalesce(company, '') || ' '
                       || coalesce(email, '') || ' ' || coalesce(phone, '') || ' ' || coalesce(city, ''))) STORED,
    CONSTRAINT leads_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users,
    CONSTRAINT leads_status_check CHECK (status IN ('NEW', 'CONTACTED', 'QUALIFIED', 'UNQUALIFIED')),
    CONSTRAINT leads_rating_check CHECK (rating IN ('COLD', 'WARM', 'HOT'))
);
CREATE INDEX leads_name ON customers.leads (org_id, name, id);
CREATE INDEX leads_status ON customers.leads (org_id, status, id);
CREATE INDEX leads_search ON customers.leads USING gin (app.grams(search_text));
SELECT app.resource('customers.leads', 'owner');
GRANT SELECT, INSERT, UPDATE ON customers.leads TO sfms_customers;

-- ---- contacts ---------------------------------------------------------------------------------------------------

CREATE TABLE customers.contacts (
    LIKE app.owned_record INCLUDING ALL,
    name           text NOT NULL,
    surname        text,
    given_name     text,
    account_id     uuid,
    job_title      text,
    department     text,
    email          text,
    phone          text,
    mobile         text,
    birthday       date,
    country        text,
    province       text,
    city           text,
    street         text,
    do_not_contact boolean NOT NULL DEFAULT false,
    description    text,
    search_text    text NOT NULL GENERATED ALWAYS AS (app.fold(name || ' ' || coalesce(email, '') || ' '
                       || coalesce(phone, '') || ' ' || coalesce(mobile, '') || ' ' || coalesce(department, '') || ' '
                       || coalesce(city, ''))) STORED,
    CONSTRAINT contacts_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users,
    CONSTRAINT contacts_account_id_fkey FOREIGN KEY (org_id, account_id) REFERENCES customers.accounts
);
CREATE INDEX contacts_name ON customers.contacts (org_id, name, id);
CREATE INDEX contacts_account ON customers.contacts (org_id, account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX contacts_search ON customers.contacts USING gin (app.grams(search_text));
SELECT app.resource('customers.contacts', 'owner');
GRANT SELECT, INSERT, UPDATE ON customers.contacts TO sfms_customers;

-- ---- what other services may read -------------------------------------------------------------------------------

CREATE VIEW customers.account_names WITH (security_invoker = true) AS
    SELECT id, org_id, name FROM customers.accounts;
GRANT SELECT (name) ON customers.accounts TO sfms_service;
GRANT SELECT ON customers.account_names TO sfms_service;

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

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
    search_text    text NOT NULL GENERATED ALWAYS AS (app.searched(name || ' ' || coalesce(website, '') || ' '
                       || coalesce(phone, '') || ' ' || coalesce(city, ''))) STORED,
    CONSTRAINT accounts_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users,
    CONSTRAINT accounts_parent_id_fkey FOREIGN KEY (org_id, parent_id) REFERENCES customers.accounts
);
CREATE INDEX accounts_name ON customers.accounts (org_id, name, id);
CREATE INDEX accounts_search ON customers.accounts USING gin (app.grams(search_text));
CREATE INDEX accounts_parent ON customers.accounts (org_id, parent_id) WHERE parent_id IS NOT NULL;
SELECT app.resource('customers.accounts', 'owner');
GRANT SELECT, INSERT, UPDATE ON customers.accounts TO sfms_customers;

SELECT app.guard_reference('customers.accounts', 'parent_id', 'customers.accounts', 'is a deleted account', '该客户已删除');

-- Accounts form a tree: none is below itself. One change at a time, so that two cannot make a circle together. Definer: accounts
-- that the user does not see count.
CREATE FUNCTION customers.keep_tree() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('account tree ' || NEW.org_id::text, 0));
    END IF;
    IF EXISTS (WITH RECURSIVE up (id) AS (
                   SELECT NEW.parent_id
                   UNION
                   SELECT a.parent_id FROM up JOIN customers.accounts a ON a.org_id = NEW.org_id AND a.id = up.id)
               SELECT 1 FROM up WHERE id = NEW.id) THEN
        RAISE EXCEPTION USING COLUMN = 'parent_id', HINT = 'ACCOUNT_CIRCLE', MESSAGE = 'is the account itself or below it',
            DETAIL = '上级客户不能是自己或自己的下级';
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION customers.keep_tree FROM PUBLIC;
CREATE TRIGGER keep_tree AFTER INSERT ON customers.accounts
    FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION customers.keep_tree();
CREATE TRIGGER keep_tree_again AFTER UPDATE ON customers.accounts
    FOR EACH ROW WHEN (OLD.parent_id IS DISTINCT FROM NEW.parent_id AND NEW.parent_id IS NOT NULL)
    EXECUTE FUNCTION customers.keep_tree();

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
    search_text    text NOT NULL GENERATED ALWAYS AS (app.searched(name || ' ' || coalesce(company, '') || ' '
                       || coalesce(email, '') || ' ' || coalesce(phone, '') || ' ' || coalesce(city, ''))) STORED,
    CONSTRAINT leads_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users,
    CONSTRAINT leads_status_check CHECK (status IN ('NEW', 'CONTACTED', 'QUALIFIED', 'UNQUALIFIED')),
    CONSTRAINT leads_rating_check CHECK (rating IN ('COLD', 'WARM', 'HOT'))
);
CREATE INDEX leads_name ON customers.leads (org_id, name, id);
CREATE INDEX leads_company ON customers.leads (org_id, company, id);
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
    search_text    text NOT NULL GENERATED ALWAYS AS (app.searched(name || ' ' || coalesce(email, '') || ' '
                       || coalesce(phone, '') || ' ' || coalesce(mobile, '') || ' ' || coalesce(department, '') || ' '
                       || coalesce(city, ''))) STORED,
    CONSTRAINT contacts_owner_id_fkey FOREIGN KEY (org_id, owner_id) REFERENCES identity.users,
    CONSTRAINT contacts_account_id_fkey FOREIGN KEY (org_id, account_id) REFERENCES customers.accounts
);
CREATE INDEX contacts_name ON customers.contacts (org_id, name, id);
CREATE INDEX contacts_account ON customers.contacts (org_id, account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX contacts_search ON customers.contacts USING gin (app.grams(search_text));

SELECT app.guard_reference('customers.contacts', 'account_id', 'customers.accounts', 'is a deleted account', '该客户已删除');
SELECT app.resource('customers.contacts', 'owner');
GRANT SELECT, INSERT, UPDATE ON customers.contacts TO sfms_customers;

-- ---- what other services may read -------------------------------------------------------------------------------

CREATE VIEW customers.account_names WITH (security_invoker = true) AS
    SELECT id, org_id, name FROM customers.accounts;
GRANT SELECT (name) ON customers.accounts TO sfms_service;
GRANT SELECT ON customers.account_names TO sfms_service;

-- The numbers and addresses of accounts, as many as there are.
CREATE TABLE customers.contact_methods (
    LIKE app.part INCLUDING ALL,
    account_id uuid NOT NULL,
    kind       text NOT NULL,
    value      text NOT NULL,
    label      text,
    is_primary boolean NOT NULL DEFAULT false,
    CONSTRAINT contact_methods_kind_check CHECK (kind IN ('PHONE', 'MOBILE', 'FAX', 'EMAIL', 'WEBSITE', 'ADDRESS', 'MESSENGER'))
);
SELECT app.part('customers.contact_methods', 'account_id', 'accounts', 'is a deleted account', '该客户已删除');
GRANT SELECT, INSERT, UPDATE ON customers.contact_methods TO sfms_customers;

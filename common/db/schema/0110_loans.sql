-- What the owner of a table lets another service do with it: its handlers work with the resource in their own transactions
-- (common/db/use.h). The policies of the table hold for them as for everybody. A service does not start without what it uses.
CREATE TABLE app.loans (
    relation regclass NOT NULL,
    borrower text NOT NULL,
    rights   text[] NOT NULL CHECK (rights <@ '{read,create,update}'),
    PRIMARY KEY (relation, borrower)
);
SELECT app.protect('app.loans', 'none');
GRANT SELECT ON app.loans TO sfms_service;

-- Lends a table: to be read, and for what is said beside it. Said again, it is lent for that instead.
CREATE FUNCTION app.lend(relation regclass, borrower text, VARIADIC rights text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    role text := 'sfms_' || borrower;
BEGIN
    INSERT INTO app.loans VALUES (relation, borrower, ARRAY['read'] || rights)
    ON CONFLICT ON CONSTRAINT loans_pkey DO UPDATE SET rights = excluded.rights;
    EXECUTE format('REVOKE INSERT, UPDATE ON %s FROM %I', relation, role);
    EXECUTE format('GRANT SELECT ON %s TO %I', relation, role);
    IF 'create' = ANY (rights) THEN
        EXECUTE format('GRANT INSERT ON %s TO %I', relation, role);
    END IF;
    IF 'update' = ANY (rights) THEN
        EXECUTE format('GRANT UPDATE ON %s TO %I', relation, role);
    END IF;
END $$;

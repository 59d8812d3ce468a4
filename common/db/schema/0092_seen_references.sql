-- A reference may only be set to what the writer sees: one to a record out of his sight is refused in the words for one that is not
-- there. Otherwise everybody could ask by a write what is there, and would show others that he has something to do with it.

-- Declares that a field refers to a record of a collection whose records are not seen by all. As the caller, so by the policies of the
-- collection; before any guard could say more of the record. What is there already is not asked again. No WHEN: it would cost each
-- statement more than the function does.
CREATE FUNCTION app.see_reference(relation regclass, field text, collection text) RETURNS void LANGUAGE plpgsql AS $make$
DECLARE
    target regclass := (SELECT r.relation FROM app.resources r WHERE r.name = collection);
    see    text := format('app.see_%s_%s', replace(relation::text, '.', '_'), field);
BEGIN
    EXECUTE format($$
        CREATE FUNCTION %1$s() RETURNS trigger LANGUAGE plpgsql AS $see$
        BEGIN
            IF NEW.%2$I IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.%2$I IS DISTINCT FROM OLD.%2$I) AND app.org_id() IS NOT NULL
               AND NOT app.sees_all(%3$L, 1)
               AND NOT EXISTS (SELECT 1 FROM %4$s WHERE org_id = NEW.org_id AND id = NEW.%2$I) THEN
                RAISE foreign_key_violation USING TABLE = TG_TABLE_NAME, CONSTRAINT = TG_TABLE_NAME || '_%2$s_fkey',
                    MESSAGE = 'the record that %2$s names is not seen';
            END IF;
            RETURN NULL;
        END $see$;
        CREATE TRIGGER a_see_%2$s AFTER INSERT OR UPDATE OF %2$I ON %5$s FOR EACH ROW EXECUTE FUNCTION %1$s();
        $$, see, field, collection, target, relation);
END $make$;

SELECT app.see_reference('customers.accounts', 'parent_id', 'accounts');
SELECT app.see_reference('customers.contacts', 'account_id', 'accounts');

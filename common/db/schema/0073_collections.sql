-- A collection is called like its table, in the contract's spelling: pipeline.price_books is priceBooks.
CREATE FUNCTION app.collection(relation regclass) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(CASE WHEN n = 1 THEN word ELSE initcap(word) END, '' ORDER BY n)
      FROM pg_class, string_to_table(relname, '_') WITH ORDINALITY w(word, n) WHERE oid = relation
$$;

-- As before, with that name.
CREATE OR REPLACE FUNCTION app.resource(relation regclass, kind text, shared boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    collection text := app.collection(relation);
BEGIN
    PERFORM app.protect(relation, kind);
    PERFORM app.touch_last(relation);
    PERFORM app.hold_deleted(relation);
    EXECUTE format('CREATE TRIGGER z_log AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION app.log_event(%L)',
                   relation, collection);
    EXECUTE format('GRANT SELECT (org_id, id) ON %s TO sfms_service', relation);
    IF kind = 'owner' THEN
        PERFORM app.guard_reference(relation, 'owner_id', 'identity.users', 'is a deleted user', '该用户已删除');
    END IF;
    INSERT INTO app.resources VALUES (collection, relation, kind = 'owner' AND NOT shared);
    IF kind = 'owner' AND NOT shared THEN
        EXECUTE format('GRANT SELECT (owner_id) ON %s TO sfms_service', relation);
        PERFORM app.gather_owned_records();
    END IF;
END $$;

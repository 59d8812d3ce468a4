-- What hangs on one record (tasks, meetings, calls, notes) hangs on another from then on; answers how much that was. Definer: also
-- what belongs to others, and what is deleted. Who may call it has seen to it that the user may change the record.
CREATE FUNCTION app.carry(from_resource text, from_id uuid, to_resource text, to_id uuid) RETURNS integer LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hanging regclass;
    n       bigint;
    total   bigint := 0;
BEGIN
    FOR hanging IN
        SELECT r.relation FROM app.resources r
         WHERE (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = r.relation AND NOT a.attisdropped
                   AND a.attname IN ('related_resource', 'related_id')) = 2
         ORDER BY r.name
    LOOP
        EXECUTE format('UPDATE %s SET related_resource = $1, related_id = $2'
                       ' WHERE org_id = app.org_id() AND related_resource = $3 AND related_id = $4', hanging)
          USING to_resource, to_id, from_resource, from_id;
        GET DIAGNOSTICS n = ROW_COUNT;
        total := total + n;
    END LOOP;
    RETURN total;
END $$;
REVOKE EXECUTE ON FUNCTION app.carry FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.carry TO sfms_customers;

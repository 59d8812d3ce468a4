-- Lets all services read by which name people know a record, as answers with names=true say what they refer to. Policies decide
-- which records are seen. display is the column that the contract names (sfms.api.v1.ResourceRule.display).
CREATE FUNCTION app.named(relation regclass, display text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT SELECT (org_id, id, delete_time, %I) ON %s TO sfms_service', display, relation);
END $$;

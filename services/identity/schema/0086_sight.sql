-- Policies from one place (see app.protect).
SELECT app.see_as(relation, '{tenant}') FROM app.resources WHERE relation::text LIKE 'identity.%' ORDER BY name;

-- What a principal has beside app.caller: how far the role reaches where that is not as the visibility says, and how many records
-- are shared with the user, at least 1 where anything is shared in the organisation.
CREATE FUNCTION app.standing(in_org uuid, in_user uuid, OUT reach text, OUT granted integer) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    reach := '';
    granted := 0;
    IF EXISTS (SELECT 1 FROM app.grants WHERE org_id = in_org) THEN
        SELECT greatest(count(*), 1) INTO granted
          FROM (SELECT 1 FROM app.grants WHERE org_id = in_org AND grantee_id = ANY (app.grantees_of(in_org, in_user)) LIMIT 1001) few;
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION app.standing FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.standing TO sfms_service;

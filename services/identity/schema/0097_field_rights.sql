-- Roles hide fields of a collection, and keep fields from being written: "hiddenFields" and "readOnlyFields" in identity.roles.access.

-- The fields of one or the other kind, each as "deals.amount".
CREATE FUNCTION identity.role_fields(role identity.roles, which text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY(SELECT (e->>'collection') || '.' || f FROM jsonb_array_elements(role.access) e,
                        jsonb_array_elements_text(CASE WHEN jsonb_typeof(e->which) = 'array' THEN e->which ELSE '[]' END) f ORDER BY 1)
$$;

-- With these fields.
DROP FUNCTION app.standing(uuid, uuid);
CREATE FUNCTION app.standing(in_org uuid, in_user uuid, OUT reach text, OUT granted integer, OUT hidden_fields text[],
    OUT read_only_fields text[]) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT identity.reach_text(r), identity.role_fields(r, 'hiddenFields'), identity.role_fields(r, 'readOnlyFields')
      INTO reach, hidden_fields, read_only_fields
      FROM identity.users u JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
     WHERE u.org_id = in_org AND u.id = in_user;
    granted := 0;
    IF EXISTS (SELECT 1 FROM app.grants WHERE org_id = in_org) THEN
        SELECT greatest(count(*), 1) INTO granted
          FROM (SELECT 1 FROM app.grants WHERE org_id = in_org AND grantee_id = ANY (app.grantees_of(in_org, in_user)) LIMIT 1001) few;
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION app.standing FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.standing TO sfms_service;

-- Only fields that there are, and none that every record needs; and nobody shows others what is hidden from himself.
CREATE FUNCTION identity.check_fields() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one  record;
    mine identity.roles;
BEGIN
    FOR one IN
        SELECT format('access[%s].%s[%s]', a.n - 1, w.column, f.n - 1) AS place,
               (SELECT relation FROM app.resources WHERE name = a.e->>'collection') AS relation,
               lower(regexp_replace(f.name, '([A-Z])', '_\1', 'g')) AS field
          FROM jsonb_array_elements(NEW.access) WITH ORDINALITY a (e, n),
               (VALUES ('hiddenFields', 'hidden_fields'), ('readOnlyFields', 'read_only_fields')) w (word, "column"),
               jsonb_array_elements_text(CASE WHEN jsonb_typeof(a.e->w.word) = 'array' THEN a.e->w.word ELSE '[]' END)
                   WITH ORDINALITY f (name, n)
    LOOP
        IF one.field IN ('id', 'org_id', 'version', 'create_time', 'update_time', 'delete_time', 'search_text')
           OR NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = one.relation AND attname = one.field AND NOT attisdropped) THEN
            RAISE EXCEPTION USING COLUMN = one.place, HINT = 'UNKNOWN_FIELD', MESSAGE = 'is no field of the collection that can be kept back',
                DETAIL = '不是该对象中可以限制的字段';
        END IF;
    END LOOP;
    SELECT r.* INTO mine FROM identity.users u JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
     WHERE u.org_id = app.org_id() AND u.id = app.user_id();
    IF NOT identity.role_fields(mine, 'hiddenFields') <@ identity.role_fields(NEW, 'hiddenFields')
       OR NOT identity.role_fields(mine, 'readOnlyFields')
              <@ (identity.role_fields(NEW, 'readOnlyFields') || identity.role_fields(NEW, 'hiddenFields')) THEN
        RAISE insufficient_privilege USING HINT = 'ROLE_EXCEEDS_YOURS',
            MESSAGE = 'The role permits or shows more than yours does.', DETAIL = '该角色的权限或可见范围超出您自己的角色。';
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION identity.check_fields FROM PUBLIC;
CREATE TRIGGER check_fields AFTER INSERT OR UPDATE OF access ON identity.roles FOR EACH ROW EXECUTE FUNCTION identity.check_fields();

-- The built-in roles while two versions run: the later one decides.

-- version: the last migration that the version knew which wrote them.
ALTER TABLE identity.builtin_roles ADD COLUMN version integer NOT NULL DEFAULT 0;

-- Takes the built-in roles as the running version knows them, and brings those of every organisation in line; not if a later
-- version has done so. Of two that know the same migrations, none takes away a permission that it does not know.
CREATE FUNCTION identity.sync_builtin_roles(in_version integer, in_contract jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('identity builtin roles', 0));
    IF in_version < (SELECT max(version) FROM identity.builtin_roles) THEN
        RETURN;
    END IF;
    INSERT INTO identity.builtin_roles AS b (builtin, name, visibility, permissions, version)
    SELECT r.builtin, r.name, r.visibility, r.permissions, in_version
      FROM jsonb_to_recordset(in_contract->'roles') AS r (builtin text, name text, visibility text, permissions text[])
        ON CONFLICT (builtin) DO UPDATE SET name = excluded.name, visibility = excluded.visibility, version = excluded.version,
           permissions = excluded.permissions || CASE WHEN b.version = excluded.version THEN ARRAY(
               SELECT p FROM unnest(b.permissions) p WHERE NOT in_contract->'known' ? p ORDER BY p) ELSE '{}' END;
    UPDATE identity.roles r SET visibility = b.visibility, permissions = b.permissions
      FROM identity.builtin_roles b
     WHERE r.builtin = b.builtin AND (r.visibility, r.permissions) IS DISTINCT FROM (b.visibility, b.permissions);
END $$;

-- A process of the version before this one has nothing to say any more once this one has written.
CREATE OR REPLACE FUNCTION identity.sync_builtin_roles(in_roles jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM identity.sync_builtin_roles(0, jsonb_build_object('known', '[]'::jsonb, 'roles', in_roles));
END $$;

REVOKE EXECUTE ON FUNCTION identity.sync_builtin_roles(integer, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.sync_builtin_roles(integer, jsonb) TO sfms_identity;

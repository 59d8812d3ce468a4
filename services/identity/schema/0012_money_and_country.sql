-- What an organisation's amounts and phone numbers are like.

-- Its country, ISO 3166-1. Organisations that are there get that of their currency, if it is that of one country.
ALTER TABLE identity.orgs ADD COLUMN country text,
    ADD CONSTRAINT orgs_country_check CHECK (country ~ '^[A-Z]{2}$');
UPDATE identity.orgs o SET country = c.country FROM app.currencies c WHERE c.code = o.currency AND c.country IS NOT NULL;

CREATE OR REPLACE VIEW identity.org_settings WITH (security_invoker = true) AS
    SELECT org_id, name, currency, time_zone, locale, country FROM identity.orgs;
GRANT SELECT (country) ON identity.orgs TO sfms_service;

-- How many decimals the organisation's amounts have. A currency that the table does not know keeps what a decimal can hold.
CREATE FUNCTION identity.money_digits(in_org uuid) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(c.digits, 6) FROM identity.org_settings o LEFT JOIN app.currencies c ON c.code = o.currency
     WHERE o.org_id = in_org
$$;

-- ---- on whose behalf --------------------------------------------------------------------------------------------
-- app.principal and identity.session_principal have other columns now. They keep their names for the version before this one,
-- whose prepared statements expect what they answered.

-- Permissions, sight and settings of a user who may work; all NULL if there is none.
CREATE FUNCTION app.caller(in_org uuid, in_user uuid, OUT permissions text[], OUT visibility text, OUT time_zone text,
    OUT seen_owners integer, OUT currency text, OUT country text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.permissions, r.visibility, coalesce(u.time_zone, o.time_zone),
           (SELECT count(*)::int FROM (SELECT 1 FROM app.sight s
                                        WHERE s.org_id = u.org_id AND s.viewer_id = u.id LIMIT 101) few),
           o.currency, o.country
      FROM identity.users u
      JOIN identity.roles r ON r.org_id = u.org_id AND r.id = u.role_id
      JOIN identity.orgs o ON o.org_id = u.org_id AND o.id = u.org_id
     WHERE u.org_id = in_org AND u.id = in_user AND NOT u.disabled AND u.delete_time IS NULL AND o.delete_time IS NULL
$$;

-- The same for the user of a session, while it lasts.
CREATE FUNCTION identity.session_caller(in_org uuid, in_user uuid, in_session uuid, OUT permissions text[],
    OUT visibility text, OUT time_zone text, OUT seen_owners integer, OUT currency text, OUT country text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.permissions, p.visibility, p.time_zone, p.seen_owners, p.currency, p.country
      FROM identity.sessions s, app.caller(in_org, in_user) p
     WHERE s.org_id = in_org AND s.id = in_session AND s.user_id = in_user AND s.revoke_time IS NULL
       AND s.expire_time > now()
$$;

CREATE OR REPLACE FUNCTION app.principal(in_org uuid, in_user uuid, OUT permissions text[], OUT visibility text,
    OUT time_zone text, OUT seen_owners integer) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT permissions, visibility, time_zone, seen_owners FROM app.caller(in_org, in_user)
$$;

-- Makes an organisation with the built-in roles (their ids are in_roles, as many as there are) and its administrator.
CREATE FUNCTION identity.create_org(in_org uuid, in_admin uuid, in_roles uuid[], in_name text, in_currency text,
    in_time_zone text, in_locale text, in_email text, in_display_name text, in_hash text, in_country text) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO identity.orgs (org_id, id, name, currency, time_zone, locale, country)
    VALUES (in_org, in_org, in_name, in_currency, in_time_zone, in_locale, nullif(in_country, ''));
    INSERT INTO identity.roles (org_id, id, name, visibility, permissions, builtin)
    SELECT in_org, in_roles[row_number() OVER (ORDER BY builtin)], name, visibility, permissions, builtin
      FROM identity.builtin_roles;
    INSERT INTO identity.users (org_id, id, email, display_name, role_id)
    SELECT in_org, in_admin, in_email, in_display_name, id
      FROM identity.roles WHERE org_id = in_org AND builtin = 'ADMIN';
    INSERT INTO identity.credentials (org_id, user_id, password_hash) VALUES (in_org, in_admin, in_hash);
$$;

REVOKE EXECUTE ON FUNCTION app.caller(uuid, uuid), identity.session_caller(uuid, uuid, uuid), identity.money_digits(uuid),
    identity.create_org(uuid, uuid, uuid[], text, text, text, text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.caller(uuid, uuid), identity.money_digits(uuid) TO sfms_service;
GRANT EXECUTE ON FUNCTION identity.session_caller(uuid, uuid, uuid),
    identity.create_org(uuid, uuid, uuid[], text, text, text, text, text, text, text, text) TO sfms_identity;

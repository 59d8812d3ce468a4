-- The currencies, and how many decimals an amount of each has: what SQL rounds to comes from here. `sfmsctl migrate` keeps the table
-- equal to the program's own (common/core/currencies.def), which it says in sfms.currencies. A code that the program no longer
-- knows stays, as amounts of it do. country: whose the currency is; NULL where it is that of several.

CREATE TABLE app.currencies (
    code    text PRIMARY KEY,
    digits  integer NOT NULL,
    country text
);
SELECT app.protect('app.currencies', 'none');
GRANT SELECT ON app.currencies TO sfms_service;

CREATE FUNCTION app.sync_currencies() RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO app.currencies AS c
    SELECT code, digits, nullif(country, '')
      FROM jsonb_to_recordset(current_setting('sfms.currencies')::jsonb) AS r (code text, digits integer, country text)
        ON CONFLICT (code) DO UPDATE SET digits = excluded.digits, country = excluded.country
     WHERE (c.digits, c.country) IS DISTINCT FROM (excluded.digits, excluded.country)
$$;
REVOKE EXECUTE ON FUNCTION app.sync_currencies FROM PUBLIC;
SELECT app.sync_currencies();

-- Imports are a matter of sfms-exchange. Their tables move into a schema of its own, which rewrites nothing: what hangs on them (keys,
-- triggers, policies, app.resources) knows them by more than their names.
--
-- While the version before this one runs, its sfms-activities finds them under the old names, through views that show and take no
-- more than the caller could of the tables. A later version drops the views, and what is granted to sfms_activities here.

CREATE SCHEMA exchange;
GRANT USAGE ON SCHEMA exchange TO sfms_service;

ALTER TABLE activities.imports SET SCHEMA exchange;
ALTER TABLE activities.import_files SET SCHEMA exchange;
ALTER TABLE activities.import_errors SET SCHEMA exchange;

GRANT SELECT, INSERT, UPDATE ON exchange.imports, exchange.import_files TO sfms_exchange;
GRANT SELECT, INSERT, UPDATE, DELETE ON exchange.import_errors TO sfms_exchange;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['imports', 'import_files', 'import_errors'] LOOP
        EXECUTE format('CREATE VIEW activities.%I WITH (security_invoker = true) AS SELECT %s FROM exchange.%1$I', name,
            (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
              WHERE attrelid = format('exchange.%I', name)::regclass AND attnum > 0 AND NOT attisdropped));
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON activities.imports, activities.import_files TO sfms_activities;
GRANT SELECT, INSERT, UPDATE, DELETE ON activities.import_errors TO sfms_activities;

-- Policies from one place (see app.protect).
SELECT app.see_as('exchange.imports', '{owner imports id}');
SELECT app.protect('exchange.import_files', 'parent import_id imports');
SELECT app.protect('exchange.import_errors', 'parent import_id imports');

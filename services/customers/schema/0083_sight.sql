-- Policies from one place (see app.protect).
SELECT app.see_as(relation, CASE WHEN by_owner THEN '{owner}' ELSE '{tenant}' END::text[])
  FROM app.resources WHERE relation::text LIKE 'customers.%' ORDER BY name;

-- Policies from one place (see app.protect).
SELECT app.see_as(relation, CASE WHEN by_owner THEN '{owner}' ELSE '{tenant}' END::text[])
  FROM app.resources WHERE relation::text LIKE 'pipeline.%' ORDER BY name;
SELECT app.protect('pipeline.stage_history', 'owner deals deal_id');

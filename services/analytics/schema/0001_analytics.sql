-- What the numbers are made of. analytics has no tables of its own: it reads the views that other services publish, with
-- the rights of the caller, so every number counts what the caller sees and nothing else.

CREATE SCHEMA analytics;
GRANT USAGE ON SCHEMA analytics TO sfms_analytics;

-- The users in a team and in the teams below it.
CREATE FUNCTION analytics.members(in_team uuid) RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE below (id) AS (
        SELECT id FROM identity.team_names WHERE org_id = app.org_id() AND id = in_team
        UNION
        SELECT t.id FROM below b JOIN identity.team_names t ON t.org_id = app.org_id() AND t.parent_id = b.id
    )
    SELECT array_agg(u.id) FROM identity.user_names u JOIN below b ON u.org_id = app.org_id() AND u.team_id = b.id
$$;

-- The deals that a request is about; NULL is no condition. Written so that it is merged into the statement around it.
CREATE FUNCTION analytics.deals(in_owner uuid, in_team uuid, in_process uuid) RETURNS SETOF pipeline.deal_facts
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT * FROM pipeline.deal_facts d
     WHERE (in_owner IS NULL OR d.owner_id = in_owner)
       AND (in_team IS NULL OR d.owner_id = ANY ((SELECT analytics.members(in_team))::uuid[]))
       AND (in_process IS NULL OR d.process_id = in_process)
$$;

-- How a deal is shared among its products: in proportion to the amounts of their lines, or by number of lines if those are
-- all zero. A deal without line items is all of no product.
CREATE FUNCTION analytics.product_shares(line_items jsonb) RETURNS TABLE (id uuid, share numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT i.id, CASE WHEN sum(sum(i.amount)) OVER () = 0 THEN count(*) / sum(count(*)) OVER ()
                      ELSE sum(i.amount) / sum(sum(i.amount)) OVER () END
      FROM (SELECT (e->>'productId')::uuid AS id, (e->>'amount')::numeric AS amount
              FROM jsonb_array_elements(CASE WHEN line_items = '[]' THEN '[{"amount": "0"}]' ELSE line_items END) e) i
     GROUP BY i.id
$$;

-- A plan for any period is right for none: plan each statement with its values (1 ms, against up to 200 ms lost).
ALTER ROLE sfms_analytics SET plan_cache_mode = force_custom_plan;

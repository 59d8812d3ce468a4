-- One organisation of 1,000 users in a tree of teams, with :rows accounts and as many deals, skewed as such data are: one user has
-- imported two fifths of all, some have much and most have little, and user 1000 has a thousandth. Users 998 and 999 are a team
-- with a thousandth and two. Another organisation has a tenth as much. Triggers are off while loading (replica), so what they
-- would fill in is given here. Indexes are made when the rows are there.
SET session_replication_role = replica;
SET maintenance_work_mem = '512MB';
SET synchronous_commit = off;

CREATE TEMPORARY TABLE later AS
SELECT format('%%I.%%I', n.nspname, c.relname) AS name, pg_get_indexdef(i.indexrelid) AS definition
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT i.indisunique
   AND i.indrelid IN (SELECT relation FROM app.resources WHERE by_owner OR name = 'tasks' UNION SELECT 'app.events'::regclass);
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT name FROM later LOOP EXECUTE 'DROP INDEX ' || one.name; END LOOP;
END $$;

CREATE FUNCTION pg_temp.id(kind int, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT (lpad(kind::text, 8, '0') || '-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;

CREATE FUNCTION pg_temp.owner(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_temp.id(1, CASE WHEN n %% 1000 = 999 THEN 1000 WHEN n %% 1000 IN (997, 998) THEN 999 WHEN n %% 1000 = 996 THEN 998
                              WHEN n %% 5 < 2 THEN 1 ELSE 2 + floor(995 * ((n * 7919 %% 1000003) / 1000003.0) ^ 2)::int END)
$$;

CREATE FUNCTION pg_temp.name(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN n %% 4 = 0
        THEN (ARRAY['Northwind', 'Initech', 'Globex', 'Soylent', 'Umbrella', 'Hooli', 'Acme'])[n * 31 %% 1009 %% 7 + 1] || ' '
             || (ARRAY['Systems', 'Industries', 'Trading', 'Foods', 'Labs'])[n * 17 %% 1013 %% 5 + 1] || ' '
             || (ARRAY['Ltd', 'PLC', 'GmbH', 'Inc'])[n * 13 %% 1019 %% 4 + 1] || ' ' || chr((65 + n %% 26)::int) || n / 26
        ELSE (ARRAY['长沙', '上海', '北京', '深圳', '成都', '杭州', '武汉', '南京'])[n * 29 %% 1009 %% 8 + 1]
             || chr((19968 + n * 37 %% 2003)::int) || chr((19968 + n * 41 %% 2011)::int)
             || (ARRAY['科技', '科技', '贸易', '电子', '工业', '实业'])[n * 19 %% 1013 %% 6 + 1] || '有限公司' END
$$;

INSERT INTO identity.teams (org_id, id, name, parent_id, manager_id)
SELECT %(org)s::uuid, pg_temp.id(2, 0), 'All', NULL, NULL
UNION ALL SELECT %(org)s::uuid, pg_temp.id(2, r), 'Region ' || r, pg_temp.id(2, 0), pg_temp.id(1, 2000 + r) FROM generate_series(1, 10) r
UNION ALL SELECT %(org)s::uuid, pg_temp.id(2, 100 + t), 'Team ' || t, pg_temp.id(2, t / 10 + 1), NULL FROM generate_series(0, 99) t
UNION ALL SELECT %(org)s::uuid, pg_temp.id(2, 300), 'Two', pg_temp.id(2, 0), pg_temp.id(1, 3000);
INSERT INTO identity.users (org_id, id, display_name, email, team_id, role_id)
SELECT %(org)s::uuid, pg_temp.id(1, n), 'User ' || n, 'user' || n || '@bench.example.com',
       CASE WHEN n IN (998, 999) THEN pg_temp.id(2, 300) WHEN n <= 1000 THEN pg_temp.id(2, 100 + (n - 1) / 10) END, r.id
  FROM (SELECT generate_series(1, 1000) UNION SELECT generate_series(2001, 2010) UNION SELECT 3000) u (n)
  JOIN identity.roles r ON r.org_id = %(org)s::uuid AND r.builtin = CASE WHEN n <= 1000 THEN 'REP' ELSE 'MANAGER' END;
SELECT identity.refresh_tree(%(org)s::uuid, array_agg(id)) FROM identity.teams WHERE org_id = %(org)s::uuid;

INSERT INTO customers.accounts (org_id, id, owner_id, create_time, update_time, external_id, external_source, custom_fields, name,
                                industry, website, phone, city, employee_count, annual_revenue)
SELECT org, pg_temp.id(3, n), CASE WHEN org = %(org)s::uuid THEN pg_temp.owner(n) ELSE %(other_user)s::uuid END, t, t,
       CASE WHEN n %% 2 = 0 THEN 'K' || n END, CASE WHEN n %% 2 = 0 THEN 'erp' END,
       CASE WHEN n %% 2 = 0 THEN jsonb_build_object('level', chr((65 + n %% 4)::int)) END, pg_temp.name(n),
       (ARRAY['Software', 'Retail', 'Energy', 'Health', 'Food', 'Steel'])[n * 23 %% 1021 %% 6 + 1], 'https://www.firm' || n || '.example.com',
       '+86138' || lpad((n * 7 %% 100000000)::text, 8, '0'),
       CASE WHEN n %% 100000 = 5 THEN '漠河' ELSE (ARRAY['长沙', '上海', '北京', 'London', '深圳', 'Berlin', '成都'])[n %% 7 + 1] END,
       n %% 5000, CASE WHEN n %% 3 > 0 THEN n * 7919 %% 100000000 END
  FROM (SELECT %(org)s::uuid AS org, n FROM generate_series(1, %(rows)s::bigint) n
        UNION ALL SELECT %(other)s::uuid, n FROM generate_series(1, %(rows)s::bigint / 10) n) made,
       LATERAL (SELECT now() - (%(rows)s::bigint - n) * interval '730 days' / %(rows)s::bigint AS t) at;

INSERT INTO customers.contacts (org_id, id, owner_id, name, account_id, email, phone, mobile, city)
SELECT %(org)s::uuid, pg_temp.id(4, n), pg_temp.owner(n * 4 + 3), (ARRAY['王', '李', '张', '刘'])[n %% 4 + 1] || chr((19968 + n * 37 %% 2003)::int) || n,
       pg_temp.id(3, n * 4), 'person' || n || '@firm' || n || '.example.com', '+86731' || lpad(n::text, 8, '0'),
       '+86139' || lpad((n * 11)::text, 8, '0'), '长沙'
  FROM generate_series(1, %(rows)s::bigint / 4) n;

INSERT INTO customers.leads (org_id, id, owner_id, name, company, email, phone, status, source)
SELECT %(org)s::uuid, pg_temp.id(5, n), pg_temp.owner(n * 10 + n %% 7), '赵' || chr((19968 + n * 37 %% 2003)::int) || n, pg_temp.name(n),
       'lead' || n || '@firm' || n || '.example.com', '+86150' || lpad(n::text, 8, '0'), 'NEW', 'Web'
  FROM generate_series(1, %(rows)s::bigint / 10) n;

INSERT INTO pipeline.deals (org_id, id, owner_id, create_time, update_time, external_id, external_source, name, account_id, stage_id,
                            process_id, amount, currency, expected_close_date, close_date, start_date, lead_source, probability,
                            outcome, stage_enter_time, amount_follows_items)
SELECT %(org)s::uuid, pg_temp.id(6, n), pg_temp.owner(n), t, t, CASE WHEN n %% 2 = 0 THEN 'D' || n END, CASE WHEN n %% 2 = 0 THEN 'erp' END,
       pg_temp.name(n) || ' ' || n, pg_temp.id(3, n * 17 %% %(rows)s::bigint + 1), s.id, s.process_id, n * 7919 %% 1000000, 'CNY',
       t::date + (n %% 180)::int, CASE WHEN s.outcome <> 'OPEN' THEN t::date + (n %% 90)::int END, t::date,
       (ARRAY['Web', 'Fair', 'Partner', 'Phone'])[n %% 4 + 1], s.probability, s.outcome, t, false
  FROM generate_series(1, %(rows)s::bigint) n,
       LATERAL (SELECT now() - (%(rows)s::bigint - n * 104729 %% %(rows)s::bigint) * interval '730 days' / %(rows)s::bigint AS t) at,
       LATERAL (SELECT CASE WHEN n * 43 %% 1009 < 300 THEN n %% 4 ELSE 4 + n %% 2 END + 1 AS k) stage
  JOIN (SELECT *, row_number() OVER (ORDER BY (outcome <> 'OPEN'), position) AS k FROM pipeline.stages WHERE org_id = %(org)s::uuid) s
    USING (k);

INSERT INTO activities.tasks (org_id, id, owner_id, subject, due_date, status, complete_time, related_resource, related_id)
SELECT %(org)s::uuid, pg_temp.id(7, n), pg_temp.owner(n * 5 + 4), (ARRAY['回访', '报价', 'Call', '拜访'])[n %% 4 + 1] || ' ' || pg_temp.name(n),
       current_date - 300 + (n * 7 %% 400)::int, CASE WHEN n %% 5 = 0 THEN 'OPEN' ELSE 'DONE' END, CASE WHEN n %% 5 > 0 THEN now() END,
       'accounts', pg_temp.id(3, n * 5 + 4)
  FROM generate_series(1, %(rows)s::bigint / 5) n;

INSERT INTO app.events (org_id, xid, event_time, actor_id, resource, record_id, owner_id, action, after)
SELECT %(org)s::uuid, (n * 500 / %(rows)s::bigint + 1)::text::xid8, now(), pg_temp.owner(n), kind, pg_temp.id(CASE kind WHEN 'deals' THEN 6 ELSE 3 END, n),
       CASE WHEN kind <> 'stages' THEN pg_temp.owner(n) END, 'CREATED', jsonb_build_object('id', n, 'name', n, 'version', 1)
  FROM generate_series(1, %(rows)s::bigint) n, unnest(ARRAY['accounts', 'deals', 'meetings', 'stages']) kind
 WHERE kind IN ('accounts', 'deals') OR n %% 10000 = 1;

DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT definition FROM later LOOP EXECUTE one.definition; END LOOP;
END $$;
SET session_replication_role = origin;

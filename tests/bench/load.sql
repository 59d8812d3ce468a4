-- One organisation with :rows accounts and :rows deals. Ids are made from numbers, so that a load generator can make them
-- too. Triggers are off while loading (replica), so what they would fill in is given here.
SET session_replication_role = replica;

INSERT INTO customers.accounts (org_id, id, owner_id, name, phone, city, employee_count)
SELECT %(org)s, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, %(user)s,
       (ARRAY['云帆', '华信', 'Northwind', 'Initech', '中科', 'Globex'])[n %% 6 + 1] || ' '
           || (ARRAY['科技', '贸易', 'Systems', 'Industries', '电子'])[n %% 5 + 1] || ' ' || n,
       '+86138' || lpad((n %% 100000000)::text, 8, '0'),
       (ARRAY['长沙', '上海', '北京', 'London', '深圳', 'Berlin', '成都'])[n %% 7 + 1], n %% 5000
  FROM generate_series(1, %(rows)s) n;

INSERT INTO pipeline.deals (org_id, id, owner_id, name, account_id, stage_id, process_id, amount, currency,
                            expected_close_date, close_date, start_date, probability, outcome, stage_enter_time,
                            amount_follows_items)
SELECT %(org)s, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, %(user)s, 'Deal ' || n,
       ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, s.id, s.process_id, (n * 7919 %% 1000000)::numeric,
       'CNY', current_date + (n %% 180)::int, CASE WHEN s.outcome <> 'OPEN' THEN current_date - (n %% 540)::int END,
       current_date - 600, s.probability, s.outcome, now(), false
  FROM generate_series(1, %(rows)s) n
  JOIN (SELECT *, row_number() OVER (ORDER BY position) AS k FROM pipeline.stages WHERE org_id = %(org)s) s
    ON s.k = n %% 6 + 1;

SET session_replication_role = origin;

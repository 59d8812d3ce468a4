-- The data of the demo organisation "Demo 演示公司": a sales team of three levels, what it sells, to whom, and eighteen
-- months of business up to today. Run by "sfmsctl load" as the owner of the database, once, in one transaction.
--
-- Nothing here is random: every choice is a hash of what it is for and of a number, so the same day gives the same data.
-- All people and companies are invented; addresses end in .example.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM identity.orgs WHERE name = 'Demo 演示公司') THEN
        RAISE EXCEPTION 'There is no organisation "Demo 演示公司"; make it first with sfmsctl org create.';
    END IF;
    IF EXISTS (SELECT FROM pipeline.deals d JOIN identity.orgs o ON o.id = d.org_id WHERE o.name = 'Demo 演示公司') THEN
        RAISE EXCEPTION 'The demo organisation has its data already.';
    END IF;
END $$;

SELECT set_config('sfms.time_zone', 'Asia/Shanghai', true);

-- ---- tools ------------------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.org() RETURNS uuid LANGUAGE sql STABLE
AS $$ SELECT id FROM identity.orgs WHERE name = 'Demo 演示公司' ORDER BY id LIMIT 1 $$;

-- A number from 0 to 1 that looks random.
CREATE FUNCTION pg_temp.chance(what text, n bigint) RETURNS double precision LANGUAGE sql IMMUTABLE
AS $$ SELECT ('x' || substr(md5(what || ' ' || n), 1, 8))::bit(32)::bigint / 4294967296.0::double precision $$;

-- A number of the standard normal distribution.
CREATE FUNCTION pg_temp.normal(what text, n bigint) RETURNS double precision LANGUAGE sql IMMUTABLE
AS $$ SELECT sqrt(-2 * ln(1 - pg_temp.chance(what || ' a', n))) * cos(2 * pi() * pg_temp.chance(what || ' b', n)) $$;

CREATE FUNCTION pg_temp.pick(choices text[], what text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT choices[1 + floor(pg_temp.chance(what, n) * cardinality(choices))::integer] $$;

-- A UUID of version 7 for a moment, so that ids are in the order of age.
CREATE FUNCTION pg_temp.id_at(what text, n bigint, at timestamptz) RETURNS uuid LANGUAGE sql STABLE
AS $$ SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(h, 1, 3) || '8'
              || substr(h, 4, 15))::uuid FROM md5(what || ' ' || n || ' ' || pg_temp.org()) h $$;

-- A moment in office hours of a day in Shanghai, not later than now.
CREATE FUNCTION pg_temp.office(day date, what text, n bigint) RETURNS timestamptz LANGUAGE sql STABLE
AS $$ SELECT least(now(), (day + interval '9 hours' + pg_temp.chance(what, n) * interval '9 hours')
                          AT TIME ZONE 'Asia/Shanghai') $$;

-- Digits for the end of a phone number.
CREATE FUNCTION pg_temp.digits(count integer, what text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT lpad(floor(pg_temp.chance(what, n) * 10 ^ count)::bigint::text, count, '0') $$;

-- ---- people who sell --------------------------------------------------------------------------------------------

CREATE TEMPORARY TABLE demo_team (n int, parent int, manager int, name text) ON COMMIT DROP;
INSERT INTO demo_team VALUES
    (1, NULL, 1, '全国销售部'), (2, 1, 2, '华东大区'), (3, 1, 3, '华南大区'), (4, 1, 4, 'International'),
    (5, 2, 5, '上海组'), (6, 2, 8, '杭州组'), (7, 3, 11, '深圳组'), (8, 3, 14, '长沙组'),
    (9, 4, 17, 'Europe'), (10, 4, 20, 'North America');

-- skill: how much of what they decide they win. Members of a team follow its manager.
CREATE TEMPORARY TABLE demo_seller (n int, team int, name text, email text, role text, title text, zone text,
                                    locale text, skill double precision, id uuid) ON COMMIT DROP;
INSERT INTO demo_seller (n, team, name, email, role, title, zone, locale, skill) VALUES
    (1, 1, '陈志远', 'chen.zhiyuan', 'MANAGER', '销售总监', NULL, NULL, 0.45),
    (2, 2, '林晓梅', 'manager', 'MANAGER', '大区经理', NULL, NULL, 0.42),
    (3, 3, '周建国', 'zhou.jianguo', 'MANAGER', '大区经理', NULL, NULL, 0.40),
    (4, 4, 'Emma Clarke', 'emma.clarke', 'MANAGER', 'Regional Director', 'Europe/London', 'en', 0.43),
    (5, 5, '张伟', 'zhang.wei', 'MANAGER', '销售主管', NULL, NULL, 0.41),
    (6, 5, '王芳', 'rep', 'REP', '客户经理', NULL, NULL, 0.47),
    (7, 5, '刘洋', 'liu.yang', 'REP', '客户经理', NULL, NULL, 0.29),
    (8, 6, '赵敏', 'zhao.min', 'MANAGER', '销售主管', NULL, NULL, 0.38),
    (9, 6, '孙浩然', 'sun.haoran', 'REP', '客户经理', NULL, NULL, 0.34),
    (10, 6, '欧阳雪', 'ouyang.xue', 'REP', '客户经理', NULL, NULL, 0.36),
    (11, 7, '黄俊杰', 'huang.junjie', 'MANAGER', '销售主管', NULL, NULL, 0.37),
    (12, 7, '吴思琪', 'wu.siqi', 'REP', '客户经理', NULL, NULL, 0.40),
    (13, 7, '郑凯', 'zheng.kai', 'REP', '客户经理', NULL, NULL, 0.26),
    (14, 8, '何文静', 'he.wenjing', 'MANAGER', '销售主管', NULL, NULL, 0.39),
    (15, 8, '罗勇', 'luo.yong', 'REP', '客户经理', NULL, NULL, 0.31),
    (16, 8, '谭丽君', 'tan.lijun', 'REP', '客户经理', NULL, NULL, 0.43),
    (17, 9, 'James Whitfield', 'james.whitfield', 'MANAGER', 'Team Lead', 'Europe/London', 'en', 0.35),
    (18, 9, 'Sofia Lindqvist', 'sofia.lindqvist', 'REP', 'Account Executive', 'Europe/Stockholm', 'en', 0.37),
    (19, 9, 'Marco Bianchi', 'marco.bianchi', 'REP', 'Account Executive', 'Europe/Rome', 'en', 0.28),
    (20, 10, 'Olivia Bennett', 'olivia.bennett', 'MANAGER', 'Team Lead', 'America/New_York', 'en', 0.40),
    (21, 10, 'Daniel Kim', 'daniel.kim', 'REP', 'Account Executive', 'America/Los_Angeles', 'en', 0.33),
    (22, 10, 'Grace Okafor', 'grace.okafor', 'REP', 'Account Executive', 'America/Toronto', 'en', 0.38),
    (23, NULL, '冯玉兰', 'finance', 'VIEWER', '财务分析', NULL, NULL, 0);
UPDATE demo_seller SET id = pg_temp.id_at('user', n, now() - interval '560 days');

INSERT INTO identity.teams (org_id, id, create_time, update_time, name, parent_id)
SELECT pg_temp.org(), pg_temp.id_at('team', t.n, at), at, at, t.name, pg_temp.id_at('team', t.parent, at)
  FROM demo_team t, (VALUES (now() - interval '561 days')) AS moment (at) ORDER BY t.n;

INSERT INTO identity.users (org_id, id, create_time, update_time, email, display_name, team_id, role_id, time_zone, locale,
                            phone, job_title)
SELECT pg_temp.org(), s.id, at, at, s.email || '@demo.example', s.name,
       pg_temp.id_at('team', s.team, now() - interval '561 days'), r.id, s.zone, s.locale,
       CASE WHEN s.zone IS NULL THEN '+86139' || pg_temp.digits(8, 'seller phone', s.n)
            WHEN s.zone LIKE 'Europe%' THEN '+44207946' || pg_temp.digits(4, 'seller phone', s.n)
            ELSE '+1617555' || pg_temp.digits(4, 'seller phone', s.n) END, s.title
  FROM demo_seller s JOIN identity.roles r ON r.org_id = pg_temp.org() AND r.builtin = s.role,
       (VALUES (now() - interval '560 days')) AS moment (at) ORDER BY s.n;

UPDATE identity.teams t SET manager_id = s.id
  FROM demo_team d JOIN demo_seller s ON s.n = d.manager
 WHERE t.org_id = pg_temp.org() AND t.id = pg_temp.id_at('team', d.n, now() - interval '561 days');

-- A manager and a sales person may sign in too, with the administrator's password.
INSERT INTO identity.credentials (org_id, user_id, password_hash)
SELECT c.org_id, s.id, c.password_hash
  FROM identity.credentials c
  JOIN identity.users u ON u.org_id = c.org_id AND u.id = c.user_id AND u.email = 'admin@demo.example'
  JOIN demo_seller s ON s.email IN ('manager', 'rep')
 WHERE c.org_id = pg_temp.org();

-- ---- what they sell ---------------------------------------------------------------------------------------------

-- usual, spread: the median of what is bought at once, and how far it is around; partners: what goes with it.
CREATE TEMPORARY TABLE demo_product (n int, code text, name text, price numeric, family text, unit text, usual double precision,
                                     spread double precision, partners int[], id uuid) ON COMMIT DROP;
INSERT INTO demo_product (n, code, name, price, family, unit, usual, spread, partners) VALUES
    (1, 'CRM-STD', '云客户管理 标准版', 3600, '软件', '用户/年', 25, 0.7, '{9,10}'),
    (2, 'CRM-PRO', '云客户管理 专业版', 7200, '软件', '用户/年', 25, 0.7, '{9,4}'),
    (3, 'BI-SUITE', 'Insight BI Suite', 48000, 'Software', 'year', 1.6, 0.4, '{4,9}'),
    (4, 'ERP-CONN', 'ERP Connector', 26000, 'Software', 'year', 1.6, 0.4, '{9,3}'),
    (5, 'GW-100', '工业网关 GW-100', 5800, '硬件', '台', 16, 0.7, '{7,11}'),
    (6, 'GW-500', '工业网关 GW-500', 15800, '硬件', '台', 10, 0.7, '{7,11}'),
    (7, 'SENS-T', 'Temperature Sensor Kit', 1280, 'Hardware', 'kit', 40, 0.7, '{5,10}'),
    (8, 'CAM-AI', '智能质检相机', 32000, '硬件', '台', 4, 0.7, '{9,11}'),
    (9, 'SVC-IMPL', '实施服务', 2400, '服务', '人天', 22, 0.5, '{10,3}'),
    (10, 'SVC-TRAIN', 'Training Day', 9800, 'Services', 'day', 3, 0.4, '{9,7}'),
    (11, 'SVC-7X24', '7x24 运维服务', 68000, '服务', '年', 1.2, 0.3, '{5,10}'),
    (12, 'CRM-LITE', '云客户管理 轻量版', 1200, '软件', '用户/年', 25, 0.7, '{}');
UPDATE demo_product SET id = pg_temp.id_at('product', n, now() - interval '559 days');

INSERT INTO pipeline.products (org_id, id, create_time, update_time, name, code, unit_price, currency, family, unit, discontinued)
SELECT pg_temp.org(), id, at, at, name, code, price, 'CNY', family, unit, n = 12
  FROM demo_product, (VALUES (now() - interval '559 days')) AS moment (at) ORDER BY n;

-- ---- whom they sell to ------------------------------------------------------------------------------------------

-- area: the calling code of the city, without 0; team: who sells there.
CREATE TEMPORARY TABLE demo_city (n int, team int, name text, province text, country text, area text, street text)
    ON COMMIT DROP;
INSERT INTO demo_city VALUES
    (1, 5, '上海', '上海市', 'CN', '21', '张江路'), (2, 5, '苏州', '江苏省', 'CN', '512', '星湖街'),
    (3, 5, '南京', '江苏省', 'CN', '25', '软件大道'), (4, 6, '杭州', '浙江省', 'CN', '571', '文一西路'),
    (5, 6, '宁波', '浙江省', 'CN', '574', '江南路'), (6, 6, '合肥', '安徽省', 'CN', '551', '望江西路'),
    (7, 7, '深圳', '广东省', 'CN', '755', '科技南路'), (8, 7, '广州', '广东省', 'CN', '20', '天河路'),
    (9, 7, '东莞', '广东省', 'CN', '769', '松山湖大道'), (10, 8, '长沙', '湖南省', 'CN', '731', '麓谷大道'),
    (11, 8, '武汉', '湖北省', 'CN', '27', '光谷大道'), (12, 8, '株洲', '湖南省', 'CN', '731', '天台路'),
    (13, 9, 'London', NULL, 'GB', '207946', 'Old Street'), (14, 9, 'Manchester', NULL, 'GB', '161496', 'Deansgate'),
    (15, 9, 'Bristol', NULL, 'GB', '117496', 'Temple Way'), (16, 10, 'Boston', 'MA', 'US', '617555', 'Summer Street'),
    (17, 10, 'Austin', 'TX', 'US', '512555', 'Congress Avenue'), (18, 10, 'Seattle', 'WA', 'US', '206555', 'Pine Street');

-- Names: the written form, and how it reads in an address.
CREATE TEMPORARY TABLE demo_word (kind text, n int, word text, reading text) ON COMMIT DROP;
INSERT INTO demo_word
SELECT kind, n, split_part(entry, '/', 1), split_part(entry, '/', 2)
  FROM (VALUES
    ('brand', '云帆/yunfan 星河/xinghe 远景/yuanjing 鼎盛/dingsheng 华晟/huasheng 博瑞/borui 天成/tiancheng 金石/jinshi 蓝海/lanhai 启明/qiming '
           || '瑞丰/ruifeng 中科恒/zhongkeheng 万联/wanlian 优创/youchuang 智汇/zhihui 恒信/hengxin 明德/mingde 东方红/dongfanghong 新航/xinhang 百川/baichuan '
           || '立方/lifang 锐捷通/ruijietong 嘉禾/jiahe 长风/changfeng 宏图/hongtu 佳源/jiayuan 森拓/sentuo 凌云/lingyun 赛维/saiwei 联创/lianchuang'),
    ('line', '科技/软件 智能制造/制造 电子/电子 生物医药/医药 物流/物流 新能源/能源 机械/制造 食品/消费品 信息技术/软件 环保工程/环保'),
    ('surname', '王/wang 李/li 张/zhang 刘/liu 陈/chen 杨/yang 赵/zhao 黄/huang 周/zhou 吴/wu 徐/xu 孙/sun 胡/hu 朱/zhu 高/gao 林/lin 何/he '
           || '郭/guo 马/ma 罗/luo 梁/liang 宋/song 郑/zheng 谢/xie 韩/han 唐/tang 冯/feng 于/yu 董/dong 萧/xiao 欧阳/ouyang 曾/zeng'),
    ('given', '芳/fang 伟/wei 敏/min 静/jing 丽/li 强/qiang 磊/lei 军/jun 洋/yang 勇/yong 艳/yan 杰/jie 娟/juan 涛/tao 明/ming 超/chao '
           || '秀英/xiuying 志强/zhiqiang 晓东/xiaodong 建华/jianhua 雨桐/yutong 子涵/zihan 浩宇/haoyu 思远/siyuan 佳怡/jiayi 文博/wenbo 梦琪/mengqi 俊辉/junhui'),
    ('maker', 'Harbor/harbor Northwind/northwind Summit/summit Bluebell/bluebell Ironbridge/ironbridge Redwood/redwood Kestrel/kestrel Lantern/lantern '
           || 'Quarry/quarry Silverline/silverline Foxglove/foxglove Meridian/meridian Oakfield/oakfield Pinnacle/pinnacle Thornbury/thornbury Westgate/westgate'),
    ('trade', 'Robotics/Manufacturing Logistics/Logistics Foods/Consumer_goods Analytics/Software Pharma/Healthcare Energy/Energy Components/Electronics Retail/Retail Instruments/Manufacturing'),
    ('first', 'Oliver/oliver Amelia/amelia Noah/noah Isla/isla George/george Chloe/chloe Henry/henry Zara/zara Liam/liam Nora/nora Ethan/ethan Priya/priya '
           || 'Lucas/lucas Maya/maya Samuel/samuel Ingrid/ingrid'),
    ('last', 'Smith/smith Patel/patel Johnson/johnson Hughes/hughes Garcia/garcia Walker/walker Nguyen/nguyen Foster/foster Murphy/murphy Campbell/campbell '
           || 'Rossi/rossi Novak/novak Turner/turner Reed/reed Cohen/cohen Baker/baker'))
       AS list (kind, entries), regexp_split_to_table(entries, ' ') WITH ORDINALITY AS e (entry, n);
CREATE TEMPORARY TABLE demo_words ON COMMIT DROP AS
SELECT kind, count(*)::int AS count, array_agg(word ORDER BY n) AS words, array_agg(reading ORDER BY n) AS readings
  FROM demo_word GROUP BY kind;

-- The n-th name of a kind, chosen by chance.
CREATE FUNCTION pg_temp.word(in_kind text, what text, n bigint) RETURNS text LANGUAGE sql STABLE
AS $$ SELECT words[1 + floor(pg_temp.chance(what, n) * count)::int] FROM demo_words WHERE kind = in_kind $$;
CREATE FUNCTION pg_temp.reading(in_kind text, what text, n bigint) RETURNS text LANGUAGE sql STABLE
AS $$ SELECT readings[1 + floor(pg_temp.chance(what, n) * count)::int] FROM demo_words WHERE kind = in_kind $$;

-- 360 Chinese companies (30 brands x 12 cities) and 140 English ones (14 makers of 16 x 10 of the cities and trades).
CREATE TEMPORARY TABLE demo_account ON COMMIT DROP AS
WITH numbered AS (
    SELECT n, n <= 360 AS zh, CASE WHEN n <= 360 THEN n ELSE n - 360 END AS k FROM generate_series(1, 500) n
), parts AS (
    SELECT n, zh, k, CASE WHEN zh THEN 1 + (k - 1) % 12 ELSE 13 + (k - 1) % 6 END AS city,
           CASE WHEN zh THEN 1 + (k - 1) / 12 ELSE 1 + (k - 1) % 16 END AS brand,
           CASE WHEN zh THEN 1 + floor(pg_temp.chance('line', n) * 10)::int ELSE 1 + (k - 1) / 16 END AS line
      FROM numbered
)
SELECT p.n, p.zh, c.team, c.n AS city, b.reading AS reading,
       CASE WHEN zh THEN c.name || b.word || l.word || pg_temp.pick('{有限公司,有限公司,有限公司,股份有限公司,集团有限公司}', 'form', p.n)
            ELSE b.word || ' ' || l.word || pg_temp.pick(CASE c.country WHEN 'GB' THEN '{" Ltd"," Ltd"," plc"}'::text[]
                                                              ELSE '{" Inc."," LLC"," Corp."}' END, 'form', p.n) END AS name,
       replace(l.reading, '_', ' ') AS industry,
       b.reading || CASE WHEN zh THEN '-' || c.n ELSE '-' || lower(l.word) END || '.example' AS domain,
       s.id AS owner, s.n AS owner_n, exp(4.6 + 1.3 * pg_temp.normal('staff', p.n))::int + 5 AS staff
  FROM parts p
  JOIN demo_city c ON c.n = p.city
  JOIN demo_word b ON b.kind = CASE WHEN zh THEN 'brand' ELSE 'maker' END AND b.n = p.brand
  JOIN demo_word l ON l.kind = CASE WHEN zh THEN 'line' ELSE 'trade' END AND l.n = p.line
  JOIN demo_team t ON t.n = c.team
  JOIN demo_seller s ON s.n = t.manager + CASE WHEN pg_temp.chance('account owner', p.n) < 0.15 THEN 0
                                               WHEN pg_temp.chance('account owner', p.n) < 0.60 THEN 1 ELSE 2 END;
-- ---- when business was done -------------------------------------------------------------------------------------

-- The days of eighteen months, each with the share of deals that begin up to it: business grows by half, ends of quarters
-- are strong, the Chinese New Year and August are weak, weekends nearly nothing.
CREATE TEMPORARY TABLE demo_day ON COMMIT DROP AS
SELECT day::date AS day, sum(weight) OVER (ORDER BY day) / sum(weight) OVER () AS upto
  FROM (SELECT day, (1 + 0.5 * (547 - (now()::date - day::date)) / 547.0)
                    * (ARRAY[0.9, 0.6, 1.2, 0.9, 1.0, 1.2, 0.9, 0.8, 1.2, 0.8, 1.1, 1.2])[extract(month FROM day)::int]
                    * CASE WHEN extract(isodow FROM day) > 5 THEN 0.06 ELSE 1 END AS weight
          FROM generate_series(now()::date - 547, now()::date - 1, interval '1 day') day) d;

-- One row per deal: who, to whom, when, how long it takes (cycle, in days), and how it ends. A deal whose time is not over
-- is open; so are a few that nobody has closed in time.
CREATE TEMPORARY TABLE demo_deal ON COMMIT DROP AS
WITH dice AS MATERIALIZED (
    SELECT n, pg_temp.chance('deal day', n) AS day FROM generate_series(1, 2000) n
), drawn AS (
    SELECT n, (SELECT day FROM demo_day WHERE upto > dice.day ORDER BY upto LIMIT 1) AS start,
           greatest(5, exp(ln(58) + 0.55 * pg_temp.normal('cycle', n)))::int AS cycle,
           1 + floor(power(pg_temp.chance('deal account', n), 1.4) * 500)::int AS rank
      FROM dice
), hurried AS (
    -- Four in ten of those that would be decided soon after the end of a quarter are decided in its last days instead.
    SELECT n, start, rank,
           CASE WHEN due - quarter_end <= 24 AND pg_temp.chance('hurry', n) < 0.4
                THEN greatest(start + 5, quarter_end - floor(8 * pg_temp.chance('hurry day', n))::int) ELSE due END AS due
      FROM drawn, LATERAL (SELECT start + cycle AS due, date_trunc('quarter', start + cycle)::date - 1 AS quarter_end) AS q
), placed AS (
    -- 211 has no factor in common with 500: the accounts with the most deals are spread over all cities.
    SELECT d.n, d.start, d.due - d.start - (ARRAY[0, 0, 0, 0, 0, 1, 2])[extract(isodow FROM d.due)::int] AS cycle,
           a.n AS account, a.zh, a.name AS account_name,
           CASE WHEN pg_temp.chance('deal owner', d.n) < 0.92 THEN a.owner_n
                WHEN pg_temp.chance('deal owner', d.n) < 0.97 THEN t.manager ELSE p.manager END AS owner_n
      FROM hurried d
      JOIN demo_account a ON a.n = 1 + (d.rank * 211) % 500
      JOIN demo_team t ON t.n = a.team
      JOIN demo_team p ON p.n = t.parent
)
SELECT p.*, s.id AS owner,
       CASE WHEN p.start + p.cycle >= now()::date OR pg_temp.chance('forgotten', p.n) < 0.02 THEN 'OPEN'
            WHEN pg_temp.chance('won', p.n) < s.skill THEN 'WON' ELSE 'LOST' END AS outcome,
       pg_temp.office(p.start, 'deal hour', p.n) AS at
  FROM placed p JOIN demo_seller s ON s.n = p.owner_n;
ALTER TABLE demo_deal ADD id uuid, ADD last int;
UPDATE demo_deal SET id = pg_temp.id_at('deal', n, at);

-- An account is older than its first deal.
ALTER TABLE demo_account ADD at timestamptz, ADD id uuid;
UPDATE demo_account a SET at = pg_temp.office(coalesce((SELECT min(start) FROM demo_deal d WHERE d.account = a.n), now()::date - 1)
                                              - 1 - floor(30 * pg_temp.chance('account age', a.n))::int, 'account hour', a.n);
UPDATE demo_account SET id = pg_temp.id_at('account', n, at);

INSERT INTO customers.accounts (org_id, id, create_time, update_time, owner_id, name, industry, website, phone, country,
                                province, city, street, employee_count, annual_revenue, founded_year, parent_id)
SELECT pg_temp.org(), a.id, a.at, a.at, a.owner, a.name, a.industry, 'https://www.' || a.domain,
       CASE c.country WHEN 'CN' THEN '+86' || c.area || '8' || pg_temp.digits(7, 'account phone', a.n)
            WHEN 'GB' THEN '+44' || c.area || '0' || pg_temp.digits(3, 'account phone', a.n)
            ELSE '+1' || c.area || '01' || pg_temp.digits(2, 'account phone', a.n) END,
       c.country, c.province, c.name,
       CASE c.country WHEN 'CN' THEN c.street || (1 + floor(pg_temp.chance('street', a.n) * 999))::int || '号'
            ELSE (1 + floor(pg_temp.chance('street', a.n) * 299))::int || ' ' || c.street END,
       a.staff, (a.staff * (300 + 900 * pg_temp.chance('revenue', a.n)))::bigint * 1000,
       1985 + floor(pg_temp.chance('founded', a.n) * 38)::int,
       CASE WHEN a.zh AND a.city > 1 AND pg_temp.chance('daughter', a.n) < 0.1 THEN parent.id END
  FROM demo_account a JOIN demo_city c ON c.n = a.city
  LEFT JOIN demo_account parent ON parent.zh AND parent.n = a.n - (a.city - 1)
 ORDER BY a.at;

-- One contact for every account, a second one for 200.
CREATE TEMPORARY TABLE demo_contact ON COMMIT DROP AS
SELECT k AS n, a.n AS account, a.id AS account_id, a.owner, a.zh, a.city, a.domain,
       a.at + pg_temp.chance('contact age', k) * interval '8 hours' AS at,
       CASE WHEN a.zh THEN pg_temp.word('surname', 'contact surname', k) ELSE pg_temp.word('last', 'contact surname', k) END AS surname,
       CASE WHEN a.zh THEN pg_temp.word('given', 'contact given', k) ELSE pg_temp.word('first', 'contact given', k) END AS given,
       CASE WHEN a.zh THEN pg_temp.reading('given', 'contact given', k) || '.' || pg_temp.reading('surname', 'contact surname', k)
            ELSE pg_temp.reading('first', 'contact given', k) || '.' || pg_temp.reading('last', 'contact surname', k) END AS mailbox
  FROM generate_series(1, 700) k
  JOIN demo_account a ON a.n = CASE WHEN k <= 500 THEN k ELSE 1 + ((k - 501) * 5) % 500 END;
ALTER TABLE demo_contact ADD id uuid;
UPDATE demo_contact SET id = pg_temp.id_at('contact', n, at);

INSERT INTO customers.contacts (org_id, id, create_time, update_time, owner_id, name, surname, given_name, account_id, job_title,
                                department, email, mobile, country, province, city)
SELECT pg_temp.org(), k.id, k.at, k.at, k.owner, CASE WHEN zh THEN surname || given ELSE given || ' ' || surname END, surname,
       given, k.account_id,
       split_part(job, '/', 1), split_part(job, '/', 2),
       mailbox || '@' || domain,
       CASE c.country WHEN 'CN' THEN '+86' || pg_temp.pick('{133,135,136,138,150,158,177,186,189}', 'mobile net', k.n) || pg_temp.digits(8, 'mobile', k.n)
            WHEN 'GB' THEN '+447700900' || pg_temp.digits(3, 'mobile', k.n)
            ELSE '+1' || c.area || '01' || pg_temp.digits(2, 'mobile', k.n) END,
       c.country, c.province, c.name
  FROM demo_contact k JOIN demo_city c ON c.n = k.city,
  LATERAL pg_temp.pick(CASE WHEN zh THEN '{总经理/总经办,采购经理/采购部,信息总监/信息部,生产厂长/生产部,财务总监/财务部,项目经理/信息部}'::text[]
                            ELSE '{CEO/Management,Head of Procurement/Procurement,CIO/IT,Plant Manager/Operations,CFO/Finance,Project Manager/IT}'
                       END, 'job', k.n) AS job
 ORDER BY k.at;

-- Leads of the last four months; the older, the more of them are decided.
INSERT INTO customers.leads (org_id, id, create_time, update_time, owner_id, name, surname, given_name, company, job_title, email,
                             phone, source, status, rating, industry, country, province, city, employee_count)
SELECT pg_temp.org(), pg_temp.id_at('lead', l.n, at), at, at, s.id, CASE WHEN zh THEN surname || given ELSE given || ' ' || surname END,
       surname, given, company,
       pg_temp.pick(CASE WHEN zh THEN '{采购经理,信息总监,总经理}'::text[] ELSE '{Head of Procurement,CIO,Owner}' END, 'lead job', l.n),
       mailbox || '@' || domain || '.example',
       CASE WHEN zh THEN '+86' || pg_temp.pick('{133,138,159,186}', 'lead net', l.n) || pg_temp.digits(8, 'lead phone', l.n)
            ELSE '+447700900' || pg_temp.digits(3, 'lead phone', l.n) END,
       pg_temp.pick(CASE WHEN zh THEN '{官网,展会,转介绍,电话,广告}'::text[] ELSE '{Website,Trade fair,Referral,Cold call,Advertising}' END, 'lead source', l.n),
       CASE WHEN age < 7 THEN pg_temp.pick('{NEW,NEW,CONTACTED}', 'lead status', l.n)
            WHEN age < 30 THEN pg_temp.pick('{NEW,CONTACTED,CONTACTED,QUALIFIED,UNQUALIFIED}', 'lead status', l.n)
            ELSE pg_temp.pick('{CONTACTED,QUALIFIED,UNQUALIFIED,UNQUALIFIED}', 'lead status', l.n) END,
       pg_temp.pick('{COLD,WARM,WARM,HOT}', 'lead rating', l.n), industry, c.country, c.province, c.name,
       exp(4 + pg_temp.normal('lead staff', l.n))::int + 1
  FROM (SELECT n, pg_temp.chance('lead language', n) < 0.7 AS zh, floor(pg_temp.chance('lead age', n) * 120) AS age,
               pg_temp.office((now() - floor(pg_temp.chance('lead age', n) * 120) * interval '1 day')::date, 'lead hour', n) AS at
          FROM generate_series(1, 200) n) l
  JOIN demo_city c ON c.n = CASE WHEN zh THEN 1 + floor(pg_temp.chance('lead city', l.n) * 12) ELSE 13 + floor(pg_temp.chance('lead city', l.n) * 6) END
  JOIN demo_team t ON t.n = c.team
  JOIN demo_seller s ON s.n = t.manager + 1 + floor(pg_temp.chance('lead owner', l.n) * 2)::int,
  LATERAL (SELECT CASE WHEN zh THEN pg_temp.word('surname', 'lead surname', l.n) ELSE pg_temp.word('last', 'lead surname', l.n) END AS surname,
                  CASE WHEN zh THEN pg_temp.word('given', 'lead given', l.n) ELSE pg_temp.word('first', 'lead given', l.n) END AS given,
                  CASE WHEN zh THEN pg_temp.reading('given', 'lead given', l.n) || '.' || pg_temp.reading('surname', 'lead surname', l.n)
                       ELSE pg_temp.reading('first', 'lead given', l.n) || '.' || pg_temp.reading('last', 'lead surname', l.n) END AS mailbox,
                  CASE WHEN zh THEN c.name || pg_temp.word('brand', 'lead brand', l.n) || pg_temp.word('line', 'lead line', l.n) || '有限公司'
                       ELSE pg_temp.word('maker', 'lead brand', l.n) || ' ' || pg_temp.word('trade', 'lead line', l.n) || ' Group' END AS company,
                  CASE WHEN zh THEN pg_temp.reading('line', 'lead line', l.n) ELSE replace(pg_temp.reading('trade', 'lead line', l.n), '_', ' ') END AS industry,
                  CASE WHEN zh THEN pg_temp.reading('brand', 'lead brand', l.n) ELSE pg_temp.reading('maker', 'lead brand', l.n) END AS domain) AS w
 ORDER BY at;

-- ---- deals ------------------------------------------------------------------------------------------------------

-- The share of its cycle at which a deal enters each open stage.
CREATE TEMPORARY TABLE demo_step ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY s.position)::int AS step, s.id, s.outcome, s.probability, s.process_id,
       (ARRAY[0, 0.18, 0.45, 0.75])[row_number() OVER (ORDER BY s.position)] AS share
  FROM pipeline.stages s JOIN pipeline.processes p ON p.org_id = s.org_id AND p.id = s.process_id AND p.is_default
 WHERE s.org_id = pg_temp.org() AND s.delete_time IS NULL;

-- How far each came: won ones through all open stages, lost ones to any of them, open ones as far as their time, but a third
-- of these has fallen behind.
UPDATE demo_deal d SET last = CASE
    WHEN outcome = 'WON' THEN 4
    WHEN outcome = 'LOST' THEN 1 + floor(pg_temp.chance('died in', n) * 4)::int
    ELSE (SELECT max(step) FROM demo_step WHERE outcome = 'OPEN'
             AND share <= (now()::date - d.start)::double precision / d.cycle
                          * CASE WHEN pg_temp.chance('behind', n) < 0.35 THEN pg_temp.chance('how far', n) ELSE 1 END) END;

-- The stays in stages; a tenth of the stages is skipped, but neither the first nor the last. A deal's last stay goes on.
CREATE TEMPORARY TABLE demo_visit ON COMMIT DROP AS
WITH stays AS (
    SELECT d.n, d.id AS deal, d.owner, s.step, s.id AS stage,
           CASE WHEN s.outcome <> 'OPEN' THEN pg_temp.office(d.start + d.cycle, 'close hour', d.n)
                WHEN s.step = 1 THEN d.at
                ELSE d.at + (s.share + 0.08 * pg_temp.chance('step ' || s.step, d.n))
                            * CASE d.outcome WHEN 'OPEN' THEN 1 ELSE 0.95 END * d.cycle * interval '1 day' END AS enter_time
      FROM demo_deal d JOIN demo_step s
        ON (s.outcome = 'OPEN' AND s.step <= d.last
            AND (s.step IN (1, d.last) OR pg_temp.chance('skip ' || s.step, d.n) > 0.1))
           OR (s.outcome = d.outcome AND s.outcome <> 'OPEN')
)
SELECT n, deal, owner, step, stage, least(enter_time, now()) AS enter_time,
       lead(least(enter_time, now())) OVER (PARTITION BY n ORDER BY step) AS leave_time,
       row_number() OVER (PARTITION BY n ORDER BY step) AS version
  FROM stays;

-- What they are about: a product, some more often than others, and often what goes with it; in numbers that grow with the
-- account.
CREATE TEMPORARY TABLE demo_item ON COMMIT DROP AS
SELECT d.n, line, p.n AS product, p.id,
       greatest(1, round(p.usual * exp(p.spread * least(2, pg_temp.normal('quantity ' || line, d.n)) + 0.15 * (ln(a.staff) - 4.6)))) AS quantity,
       (ARRAY[0, 0, 0, 5, 8, 10, 15])[1 + floor(pg_temp.chance('discount ' || line, d.n) * 7)::int] AS discount
  FROM demo_deal d JOIN demo_account a ON a.n = d.account
  JOIN demo_product main ON main.n = pg_temp.pick('{1,1,1,2,2,2,2,3,3,4,5,5,5,6,6,6,7,8,8,9,10,11}', 'product', d.n)::int
  CROSS JOIN LATERAL unnest(main.n || main.partners) WITH ORDINALITY AS l (product, line)
  JOIN demo_product p ON p.n = l.product
 WHERE line = 1 OR pg_temp.chance('another ' || line, d.n) < 0.45;

-- Stages, amounts and history are written as they were, so the triggers that write them as of now rest meanwhile.
ALTER TABLE pipeline.deals DISABLE TRIGGER USER;
INSERT INTO pipeline.deals (org_id, id, version, create_time, update_time, owner_id, name, account_id, contact_id, stage_id,
                            process_id, amount, currency, expected_close_date, close_date, start_date, lead_source, next_step,
                            lost_reason, probability, outcome, stage_enter_time, line_items, amount_follows_items)
SELECT pg_temp.org(), d.id, v.version, d.at, v.enter_time, d.owner,
       CASE WHEN d.zh THEN regexp_replace(d.account_name, '(股份|集团)?有限公司$', '') || ' ' || p.name
            ELSE d.account_name || ': ' || p.name END
           || pg_temp.pick(CASE WHEN d.zh AND p.unit ~ '年|year' THEN '{采购,项目,续费,扩容}' WHEN d.zh THEN '{采购,项目,增购}'
                                WHEN p.unit ~ '年|year' THEN '{"",""," renewal"," expansion"}' ELSE '{"",""," project"}' END::text[], 'deal kind', d.n),
       k.account_id, k.id, s.id, s.process_id, total.amount, 'CNY',
       CASE d.outcome WHEN 'OPEN' THEN d.start + (d.cycle * (0.85 + 0.45 * pg_temp.chance('expected', d.n)))::int
            ELSE d.start + (d.cycle * (0.8 + 0.3 * pg_temp.chance('expected', d.n)))::int END,
       CASE WHEN d.outcome <> 'OPEN' THEN (v.enter_time AT TIME ZONE 'Asia/Shanghai')::date END, d.start,
       pg_temp.pick(CASE WHEN d.zh THEN '{官网,展会,转介绍,老客户,电话,招标}'::text[]
                         ELSE '{Website,Trade fair,Referral,Existing customer,Cold call,Tender}' END, 'deal source', d.n),
       CASE WHEN d.outcome = 'OPEN' AND pg_temp.chance('next', d.n) < 0.7
            THEN pg_temp.pick(CASE WHEN d.zh THEN '{发送报价,安排演示,约见决策人,确认预算,提交合同}'::text[]
                              ELSE '{Send the quote,Show the product,Meet the decision maker,Confirm the budget,Send the contract}' END, 'next step', d.n) END,
       CASE WHEN d.outcome = 'LOST'
            THEN pg_temp.pick(CASE WHEN d.zh THEN '{价格过高,选择竞品,预算取消,项目延期,需求不匹配}'::text[]
                              ELSE '{Price,Chose a competitor,Budget cancelled,Project postponed,No fit}' END, 'lost', d.n) END,
       s.probability, s.outcome, v.enter_time, total.items, true
  FROM demo_deal d
  JOIN demo_visit v ON v.n = d.n AND v.leave_time IS NULL
  JOIN demo_step s ON s.id = v.stage
  JOIN demo_item i ON i.n = d.n AND i.line = 1
  JOIN demo_product p ON p.n = i.product
  JOIN demo_contact k ON k.n = d.account
  CROSS JOIN LATERAL (
      SELECT pipeline.priced(pg_temp.org(), jsonb_agg(jsonb_build_object('productId', l.id, 'quantity', l.quantity,
                                                                         'discountPercent', l.discount) ORDER BY line), '[]') AS items
        FROM demo_item l WHERE l.n = d.n) AS priced
  CROSS JOIN LATERAL (
      SELECT priced.items, sum((e->>'amount')::numeric) AS amount FROM jsonb_array_elements(priced.items) e) AS total
 ORDER BY d.at;
ALTER TABLE pipeline.deals ENABLE TRIGGER USER;

INSERT INTO pipeline.stage_history (org_id, deal_id, owner_id, stage_id, is_first, enter_time, leave_time, actor_id)
SELECT pg_temp.org(), deal, owner, stage, row_number() OVER (PARTITION BY deal, stage ORDER BY step) = 1, enter_time, leave_time, owner
  FROM demo_visit ORDER BY n, step;

-- ---- what they did about them -----------------------------------------------------------------------------------

-- Two tasks in three that belong to a closed deal are done, one in eight was dropped; those of open deals are due around today.
INSERT INTO activities.tasks (org_id, id, create_time, update_time, owner_id, subject, due_date, due_time, remind_time, status,
                              priority, complete_time, related_resource, related_id)
SELECT pg_temp.org(), pg_temp.id_at('task', n, at), at, coalesce(done, at), owner,
       pg_temp.pick(CASE WHEN zh THEN '{跟进报价,准备演示方案,确认合同条款,回访客户,催收合同,整理需求清单}'::text[]
                    ELSE '{Follow up on the quote,Prepare the demo,Check the contract,Call back,Chase the signature,Write down the needs}' END, 'task', n),
       due, CASE WHEN pg_temp.chance('task hour', n) < 0.4 THEN to_char(9 + floor(pg_temp.chance('task clock', n) * 9), 'FM00') || ':00' END,
       CASE WHEN status = 'OPEN' AND due BETWEEN now()::date - 2 AND now()::date + 14 THEN (due - 1 + time '18:00') AT TIME ZONE 'Asia/Shanghai' END,
       status, pg_temp.pick('{LOW,NORMAL,NORMAL,NORMAL,HIGH}', 'task priority', n), done, 'deals', deal
  FROM (SELECT t.*, CASE WHEN status = 'DONE' THEN least(now(), pg_temp.office(due, 'task done', n)) END AS done
          FROM (SELECT d.n, d.zh, d.owner, d.id AS deal, d.at + interval '2 days' * pg_temp.chance('task begin', d.n) AS at,
                       CASE WHEN d.outcome = 'OPEN' THEN now()::date - 12 + floor(pg_temp.chance('task due', d.n) * 35)::int
                            ELSE d.start + floor(pg_temp.chance('task due', d.n) * d.cycle)::int END AS due,
                       CASE WHEN d.outcome = 'OPEN' THEN 'OPEN' WHEN pg_temp.chance('task dropped', d.n) < 0.12 THEN 'CANCELLED' ELSE 'DONE' END AS status
                  FROM demo_deal d WHERE pg_temp.chance('has task', d.n) < CASE d.outcome WHEN 'OPEN' THEN 0.6 ELSE 0.2 END) t
         WHERE due >= at::date) t
 ORDER BY at;

INSERT INTO activities.calls (org_id, id, create_time, update_time, owner_id, subject, direction, call_time, duration_seconds, outcome,
                              phone, related_resource, related_id)
SELECT pg_temp.org(), pg_temp.id_at('call', d.n * 10 + d.i, m.at), m.at, m.at, d.owner,
       pg_temp.pick(CASE WHEN d.zh THEN '{需求沟通,报价沟通,合同确认,初次联系}'::text[] ELSE '{About the needs,About the price,About the contract,First contact}' END, 'call ' || d.i, d.n),
       pg_temp.pick('{OUT,OUT,OUT,IN}', 'direction ' || d.i, d.n), m.at, exp(5.3 + 0.9 * pg_temp.normal('duration ' || d.i, d.n))::int,
       pg_temp.pick(CASE WHEN d.zh THEN '{已接通,无人接听,稍后回电}'::text[] ELSE '{Reached,No answer,Will call back}' END, 'answer ' || d.i, d.n),
       k.mobile, 'deals', d.id
  FROM (SELECT d.*, i, pg_temp.office(least(now()::date, d.start + floor(pg_temp.chance('call day ' || i, d.n) * least(d.cycle, now()::date - d.start))::int),
                                      'call hour ' || i, d.n) AS call_at
          FROM demo_deal d, generate_series(1, 2) i WHERE pg_temp.chance('has call ' || i, d.n) < 0.3) d
  JOIN demo_contact c ON c.n = d.account
  JOIN customers.contacts k ON k.org_id = pg_temp.org() AND k.id = c.id,
  LATERAL (SELECT greatest(d.at, call_at)) AS m (at)
 ORDER BY m.at;

INSERT INTO activities.meetings (org_id, id, create_time, update_time, owner_id, subject, start_time, end_time, location, time_zone,
                                 attendee_ids, related_resource, related_id)
SELECT pg_temp.org(), pg_temp.id_at('meeting', d.n, d.at), d.at, d.at, d.owner,
       pg_temp.pick(CASE WHEN zh THEN '{产品演示,需求调研,商务谈判,项目启动会}'::text[] ELSE '{Product demo,Discovery,Negotiation,Kick-off}' END, 'meeting', d.n),
       begin, begin + (ARRAY[30, 60, 60, 90])[1 + floor(pg_temp.chance('meeting long', d.n) * 4)::int] * interval '1 minute',
       pg_temp.pick(CASE WHEN zh THEN '{客户现场,腾讯会议,公司会议室}'::text[] ELSE '{On site,Video call,Our office}' END, 'place', d.n),
       coalesce(s.zone, 'Asia/Shanghai'), ARRAY[boss.id], 'deals', d.id
  FROM demo_deal d JOIN demo_seller s ON s.n = d.owner_n
  JOIN demo_team t ON t.n = s.team JOIN demo_seller boss ON boss.n = t.manager,
  LATERAL (SELECT (d.start + 2 + floor(pg_temp.chance('meeting day', d.n) * d.cycle)::int
                   + interval '10 hours' + floor(pg_temp.chance('meeting hour', d.n) * 14) * interval '30 minutes') AT TIME ZONE 'Asia/Shanghai') AS m (begin)
 WHERE pg_temp.chance('has meeting', d.n) < 0.12 AND begin < now() + interval '21 days'
 ORDER BY d.at;

INSERT INTO activities.notes (org_id, id, create_time, update_time, owner_id, body, related_resource, related_id)
SELECT pg_temp.org(), pg_temp.id_at('note', n, at), at, at, owner,
       pg_temp.pick(CASE WHEN zh THEN '{客户对价格较为敏感，需要申请折扣。,决策人为总经理，下周安排见面。,竞争对手已报价，比我们低一成左右。,客户希望年底前上线。,信息部已认可方案，等待采购流程。,现有系统合同明年三月到期。}'::text[]
                    ELSE '{"Price matters most; ask for a discount.","The CEO decides; meeting next week.","A competitor has quoted a tenth less.","They want to go live before the end of the year.","IT likes it; procurement takes over.","Their present contract ends in March."}' END, 'note', n),
       'deals', id
  FROM (SELECT d.n, d.zh, d.owner, d.id, greatest(d.at, pg_temp.office(least(now()::date, d.start + floor(pg_temp.chance('note day', d.n)
               * least(d.cycle, now()::date - d.start))::int), 'note hour', d.n)) AS at
          FROM demo_deal d WHERE pg_temp.chance('has note', d.n) < 0.22) d
 ORDER BY at;

-- ---- the event log ----------------------------------------------------------------------------------------------
-- As it would be had all this been entered day by day: what the triggers have logged moves to its own time, deals get an
-- event for every stage, and all is put in the order of time.

CREATE TEMPORARY TABLE demo_event ON COMMIT DROP AS
SELECT org_id, (after->>'update_time')::timestamptz AS at, coalesce(owner_id, app.user_id()) AS actor, resource, record_id, owner_id,
       action, before, after, seq
  FROM app.events WHERE org_id = pg_temp.org() AND xid = pg_current_xact_id();
UPDATE demo_event SET at = (before->>'update_time')::timestamptz + interval '1 hour' WHERE action = 'UPDATED';
DELETE FROM app.events WHERE org_id = pg_temp.org() AND xid = pg_current_xact_id();

INSERT INTO demo_event
SELECT org_id, enter_time, owner_id, 'deals', deal, owner_id, CASE WHEN before IS NULL THEN 'CREATED' ELSE 'UPDATED' END, before, after, 0
  FROM (SELECT *, lag(after) OVER (PARTITION BY deal ORDER BY version) AS before
          FROM (SELECT d.org_id, d.owner_id, v.deal, v.version, v.enter_time,
                       to_jsonb(d) - 'search_text' || jsonb_build_object(
                           'version', v.version, 'update_time', v.enter_time, 'stage_id', s.id, 'stage_enter_time', v.enter_time,
                           'probability', s.probability, 'outcome', s.outcome,
                           'close_date', CASE WHEN s.outcome <> 'OPEN' THEN d.close_date END,
                           'lost_reason', CASE WHEN s.outcome = 'LOST' THEN d.lost_reason END) AS after
                  FROM demo_visit v JOIN demo_step s ON s.id = v.stage
                  JOIN pipeline.deals d ON d.org_id = pg_temp.org() AND d.id = v.deal) w) x;

INSERT INTO app.events (org_id, event_time, actor_id, resource, record_id, owner_id, action, before, after)
SELECT org_id, at, actor, resource, record_id, owner_id, action, before, after FROM demo_event ORDER BY at, seq, record_id;

ANALYZE identity.users, customers.accounts, customers.contacts, customers.leads, pipeline.deals, pipeline.stage_history,
        activities.tasks, activities.calls, activities.meetings, activities.notes, app.events;

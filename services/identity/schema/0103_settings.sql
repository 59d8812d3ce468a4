-- Settings: what holds for a whole organisation. They are in its row, beside what is known of it already, and are seen in sections
-- by the view identity.settings; orgs shows its part of them as before.

-- JSON as the messages CalendarSettings and FormatSettings of proto/sfms/identity/v1/settings.proto have it.
ALTER TABLE identity.orgs
    ADD COLUMN calendar jsonb NOT NULL DEFAULT '{"fiscalYearStart": "JANUARY", "firstDayOfWeek": "MONDAY", "workingHours": [
        {"weekday": "MONDAY", "startTime": "09:00", "endTime": "18:00"},
        {"weekday": "TUESDAY", "startTime": "09:00", "endTime": "18:00"},
        {"weekday": "WEDNESDAY", "startTime": "09:00", "endTime": "18:00"},
        {"weekday": "THURSDAY", "startTime": "09:00", "endTime": "18:00"},
        {"weekday": "FRIDAY", "startTime": "09:00", "endTime": "18:00"}]}',
    ADD COLUMN formats jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT orgs_calendar_check CHECK (jsonb_typeof(calendar) = 'object') NOT VALID,
    ADD CONSTRAINT orgs_formats_check CHECK (jsonb_typeof(formats) = 'object') NOT VALID;

CREATE OR REPLACE VIEW identity.org_settings WITH (security_invoker = true) AS
    SELECT org_id, name, currency, time_zone, locale, country, calendar, formats FROM identity.orgs;
GRANT SELECT (version, create_time, update_time, delete_time, calendar, formats) ON identity.orgs TO sfms_service;

CREATE FUNCTION identity.company_of(name text, country text, currency text, locale text, time_zone text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_build_object('name', name, 'country', country, 'currency', currency, 'language', locale, 'timeZone', time_zone)
$$;

CREATE VIEW identity.settings WITH (security_invoker = true) AS
    SELECT org_id, id, version, create_time, update_time, delete_time,
           identity.company_of(name, country, currency, locale, time_zone) AS company, calendar, formats
      FROM identity.orgs;
INSERT INTO app.resources (name, relation) VALUES ('settings', 'identity.settings');
GRANT UPDATE ON identity.settings TO sfms_identity;
GRANT SELECT ON identity.settings TO sfms_service;

-- A section without what says nothing: so what was read and is sent back is what is stored.
CREATE FUNCTION identity.without_empty(section jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(section)
     WHERE value NOT IN ('null', '[]', '""') AND value::text NOT LIKE '%_UNSPECIFIED"'
$$;

CREATE FUNCTION identity.write_settings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.company->>'currency' <> OLD.company->>'currency' THEN
        RAISE EXCEPTION USING COLUMN = 'company.currency', HINT = 'IMMUTABLE', MESSAGE = 'cannot be changed', DETAIL = '不可修改';
    END IF;
    IF NOT identity.is_time_zone(NEW.company->>'timeZone') THEN
        RAISE EXCEPTION USING COLUMN = 'company.time_zone', HINT = 'BAD_FORMAT',
            MESSAGE = 'must be an IANA time zone such as Asia/Shanghai', DETAIL = '必须是 IANA 时区，例如 Asia/Shanghai';
    END IF;
    UPDATE identity.orgs o
       SET name = NEW.company->>'name', country = NEW.company->>'country', locale = NEW.company->>'language',
           time_zone = NEW.company->>'timeZone', calendar = identity.without_empty(NEW.calendar),
           formats = identity.without_empty(NEW.formats)
     WHERE o.org_id = OLD.org_id AND o.id = OLD.id AND o.version = OLD.version
    RETURNING o.version, o.update_time, identity.company_of(o.name, o.country, o.currency, o.locale, o.time_zone), o.calendar, o.formats
      INTO NEW.version, NEW.update_time, NEW.company, NEW.calendar, NEW.formats;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER write_settings INSTEAD OF UPDATE ON identity.settings FOR EACH ROW EXECUTE FUNCTION identity.write_settings();

-- What a calendar must be, whoever writes it: beside its types, of which the contract sees to.
CREATE FUNCTION identity.guard_calendar() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at integer;
BEGIN
    SELECT i - 1 INTO at FROM jsonb_array_elements(NEW.calendar->'workingHours') WITH ORDINALITY AS h (hours, i)
     WHERE hours->>'endTime' <= hours->>'startTime' LIMIT 1;
    IF at IS NOT NULL THEN
        RAISE EXCEPTION USING COLUMN = format('calendar.working_hours[%s].end_time', at), HINT = 'ENDS_BEFORE_START',
            MESSAGE = 'is not after the start', DETAIL = '须晚于开始时间';
    END IF;
    SELECT i - 1 INTO at FROM jsonb_array_elements(NEW.calendar->'holidays') WITH ORDINALITY AS h (holiday, i)
     WHERE (holiday->>'lastDay')::date NOT BETWEEN (holiday->>'firstDay')::date AND (holiday->>'firstDay')::date + 365 LIMIT 1;
    IF at IS NOT NULL THEN
        RAISE EXCEPTION USING COLUMN = format('calendar.holidays[%s].last_day', at), HINT = 'ENDS_BEFORE_START',
            MESSAGE = 'is before the first day, or more than a year after it', DETAIL = '早于第一天，或超过一年';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_calendar AFTER UPDATE ON identity.orgs FOR EACH ROW
    WHEN (OLD.calendar IS DISTINCT FROM NEW.calendar) EXECUTE FUNCTION identity.guard_calendar();

-- A change of settings is an event of its own, beside that of the organisation. Definer, as services do not write events.
CREATE FUNCTION identity.log_settings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    images jsonb[] := ARRAY(
        SELECT jsonb_build_object('org_id', o.org_id, 'id', o.id, 'version', o.version, 'create_time', o.create_time,
                                  'update_time', o.update_time, 'delete_time', o.delete_time,
                                  'company', identity.company_of(o.name, o.country, o.currency, o.locale, o.time_zone),
                                  'calendar', o.calendar, 'formats', o.formats)
          FROM unnest(ARRAY[OLD, NEW]) o);
BEGIN
    IF images[1] - '{version,update_time}'::text[] IS DISTINCT FROM images[2] - '{version,update_time}'::text[] THEN
        INSERT INTO app.events (org_id, actor_id, resource, record_id, action, before, after)
        VALUES (NEW.org_id, app.user_id(), 'settings', NEW.id, 'UPDATED', images[1], images[2]);
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION identity.log_settings FROM PUBLIC;
CREATE TRIGGER z_log_settings AFTER UPDATE ON identity.orgs FOR EACH ROW
    WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION identity.log_settings();

-- ---- years ------------------------------------------------------------------------------------------------------

-- The first day of the fiscal year or quarter that a day is in; with the month in which years begin, for statements that work
-- with many days, and without, by the settings of the caller's organisation.
CREATE FUNCTION app.fiscal_start(day date, months integer, first_month integer) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (date_trunc('month', day::timestamp)
            - make_interval(months => (extract(month FROM day)::integer - first_month + 12) % months))::date
$$;

CREATE FUNCTION app.fiscal_first_month() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT array_position('{JANUARY,FEBRUARY,MARCH,APRIL,MAY,JUNE,JULY,AUGUST,SEPTEMBER,OCTOBER,NOVEMBER,DECEMBER}'::text[],
                                           calendar->>'fiscalYearStart')
                       FROM identity.org_settings WHERE org_id = app.org_id()), 1)
$$;

CREATE FUNCTION app.fiscal_year_start(day date) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT app.fiscal_start(day, 12, app.fiscal_first_month()) $$;

CREATE FUNCTION app.fiscal_quarter_start(day date) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT app.fiscal_start(day, 3, app.fiscal_first_month()) $$;

-- ---- working days and hours -------------------------------------------------------------------------------------

-- The calendar of the caller's organisation, for working with days: the days of the week that have hours (1 is Monday), days off
-- and days to make up for them.
CREATE FUNCTION app.working_calendar(OUT weekdays integer[], OUT holidays datemultirange, OUT make_up_days date[])
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT ARRAY(SELECT DISTINCT array_position('{MONDAY,TUESDAY,WEDNESDAY,THURSDAY,FRIDAY,SATURDAY,SUNDAY}'::text[], h->>'weekday')
                   FROM jsonb_array_elements(calendar->'workingHours') h),
           coalesce((SELECT range_agg(daterange((h->>'firstDay')::date, coalesce((h->>'lastDay')::date, (h->>'firstDay')::date), '[]'))
                       FROM jsonb_array_elements(calendar->'holidays') h), '{}'),
           ARRAY(SELECT (d->>'day')::date FROM jsonb_array_elements(calendar->'makeUpDays') d)
      FROM identity.org_settings WHERE org_id = app.org_id()
$$;

CREATE FUNCTION app.is_working_day(day date) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT day = ANY (c.make_up_days) OR (NOT day <@ c.holidays AND extract(isodow FROM day)::integer = ANY (c.weekdays))
      FROM app.working_calendar() c
$$;

-- The working day that is so many after a day, or before it if the number is negative; with 0 the day itself or, if people do not
-- work then, the next on which they do. NULL if there is none within some years: nobody works.
CREATE FUNCTION app.add_working_days(day date, days integer) RETURNS date LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    c    record;
    step integer := CASE WHEN days < 0 THEN -1 ELSE 1 END;
    left_over integer := greatest(abs(days), 1);
    at   date := CASE WHEN days = 0 THEN day - 1 ELSE day END;
BEGIN
    SELECT * INTO c FROM app.working_calendar();
    FOR i IN 1 .. 7 * left_over + 800 LOOP
        at := at + step;
        IF at = ANY (c.make_up_days) OR (NOT at <@ c.holidays AND extract(isodow FROM at)::integer = ANY (c.weekdays)) THEN
            left_over := left_over - 1;
            IF left_over = 0 THEN
                RETURN at;
            END IF;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- How many working days are after a day, up to another one and with it: add_working_days turned around. Negative if that is before.
CREATE FUNCTION app.working_days_between(from_day date, to_day date) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN to_day < from_day THEN -1 ELSE 1 END * count(*)::integer
      FROM app.working_calendar() c,
           generate_series(CASE WHEN to_day < from_day THEN to_day ELSE from_day + 1 END,
                           CASE WHEN to_day < from_day THEN from_day - 1 ELSE to_day END, interval '1 day') AS d (moment)
     WHERE d.moment::date = ANY (c.make_up_days)
        OR (NOT d.moment::date <@ c.holidays AND extract(isodow FROM d.moment)::integer = ANY (c.weekdays))
$$;

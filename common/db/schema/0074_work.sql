-- Jobs, as others build on them: one of a key at a time, fair between organisations, at set times, on behalf of the organisation
-- itself, and shown as operations to who has started them.

-- user_id: NULL for the organisation itself. key: of the jobs of an organisation with one kind and key, one runs at a time. cause,
-- depth: why it is there; what it writes has the job as its cause. operation: it is shown as one. locale: that of whoever wants it,
-- for what it says. done, total: how far it is, in whatever it counts. result: what it has come to. failure: the status that it ended
-- with, as processes send it. error keeps its sentence alone.
ALTER TABLE app.jobs ALTER COLUMN user_id DROP NOT NULL,
    ADD COLUMN key text, ADD COLUMN cause uuid DEFAULT app.cause(), ADD COLUMN depth smallint DEFAULT app.cause_depth(),
    ADD COLUMN operation boolean NOT NULL DEFAULT false, ADD COLUMN locale text NOT NULL DEFAULT '', ADD COLUMN done bigint,
    ADD COLUMN total bigint, ADD COLUMN result jsonb, ADD COLUMN failure bytea;

-- Writes a job in the transaction that wants it, on the caller's behalf; answers its id. in_once: one of the same kind and key that
-- has not begun yet is taken instead, at the earlier time, and with the new payload.
CREATE FUNCTION app.add_job(in_kind text, in_payload jsonb DEFAULT '{}', in_key text DEFAULT NULL, in_run_at timestamptz DEFAULT now(),
    in_id uuid DEFAULT gen_random_uuid(), in_as_org boolean DEFAULT false, in_operation boolean DEFAULT false,
    in_once boolean DEFAULT false, in_locale text DEFAULT '') RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    waiting uuid;
BEGIN
    IF in_once THEN
        UPDATE app.jobs j SET run_at = least(run_at, in_run_at), payload = in_payload
         WHERE org_id = app.org_id() AND id = (SELECT id FROM app.jobs WHERE org_id = app.org_id() AND kind = in_kind
                                                  AND key = in_key AND state = 'PENDING' LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id INTO waiting;
        IF FOUND THEN
            RETURN waiting;
        END IF;
    END IF;
    INSERT INTO app.jobs (id, user_id, kind, payload, key, run_at, operation, locale)
    VALUES (in_id, CASE WHEN NOT in_as_org THEN app.user_id() END, in_kind, in_payload, in_key, in_run_at, in_operation, in_locale);
    RETURN in_id;
END $$;

-- Who runs jobs is told of those that are due, or soon will be; it looks for the others by itself. The payload is the kind.
CREATE FUNCTION app.tell_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sfms_jobs', NEW.kind);
    RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT ON app.jobs FOR EACH ROW
    WHEN (NEW.state = 'PENDING' AND NEW.run_at < clock_timestamp() + interval '20 seconds') EXECUTE FUNCTION app.tell_job();
CREATE TRIGGER tell_again AFTER UPDATE OF run_at, state ON app.jobs FOR EACH ROW
    WHEN (NEW.state = 'PENDING' AND NEW.run_at < clock_timestamp() + interval '20 seconds') EXECUTE FUNCTION app.tell_job();

-- What the organisation itself may do, for work that nobody in particular has asked for: what its administrators may. Nothing if it
-- is not there any more. The columns are those of app.caller.
CREATE FUNCTION app.org_caller(in_org uuid, OUT permissions text[], OUT visibility text, OUT time_zone text, OUT seen_owners integer,
    OUT currency text, OUT country text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.permissions, 'ORG', o.time_zone, 0, o.currency, o.country
      FROM identity.orgs o JOIN identity.roles r ON r.org_id = o.org_id AND r.builtin = 'ADMIN'
     WHERE o.org_id = in_org AND o.id = in_org AND o.delete_time IS NULL
$$;
REVOKE EXECUTE ON FUNCTION app.org_caller FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.org_caller TO sfms_service;

-- The organisations that have jobs of a kind that have not ended, so many of them from the one after in_after on.
CREATE FUNCTION app.orgs_at_work(in_kind text, in_after uuid, in_most integer) RETURNS SETOF uuid LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE orgs AS (
        (SELECT org_id, 1 AS n FROM app.jobs
          WHERE kind = in_kind AND state IN ('PENDING', 'RUNNING') AND org_id > in_after ORDER BY org_id LIMIT 1)
        UNION ALL
        (SELECT next.org_id, o.n + 1 FROM orgs o, LATERAL (
            SELECT org_id FROM app.jobs
             WHERE kind = in_kind AND state IN ('PENDING', 'RUNNING') AND org_id > o.org_id ORDER BY org_id LIMIT 1) next
          WHERE o.n < in_most)
    ) SELECT org_id FROM orgs
$$;

-- Takes a due job of one of the kinds, of any organisation, for 20 seconds; no row if there is none. Whose organisation has the
-- fewest under way comes first, and none gets more than in_share of them. Looked at are the 32 that have waited longest, and the
-- first ones of 32 organisations from the one after in_after on: so who has 100,000 of them due does not stand before the others.
-- scanned is where to look from the next time. One whose lease has expired is due again: its process is gone. Of one key a second one
-- is refused by an index, and left for later.
CREATE FUNCTION app.take_job(in_kinds text[], in_share integer, in_after uuid, OUT scanned uuid, OUT org_id uuid, OUT user_id uuid,
    OUT id uuid, OUT kind text, OUT payload jsonb, OUT attempt integer, OUT cancel boolean, OUT cause uuid, OUT depth smallint,
    OUT locale text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    one record;
BEGIN
    SELECT o INTO scanned FROM unnest(in_kinds) k, app.orgs_at_work(k, in_after, 32) o ORDER BY o DESC LIMIT 1;
    FOR one IN
        WITH busy AS (
            SELECT j.org_id, count(*) AS n FROM app.jobs j
             WHERE j.kind = ANY (in_kinds) AND j.state = 'RUNNING' AND j.lease_until >= now() GROUP BY 1
        ), due AS (
            SELECT d.* FROM unnest(in_kinds) k, LATERAL (
                SELECT j.org_id, j.id, j.run_at FROM app.jobs j
                 WHERE j.kind = k AND j.state IN ('PENDING', 'RUNNING') AND j.run_at <= now()
                   AND (j.state = 'PENDING' OR j.lease_until < now()) ORDER BY j.run_at LIMIT 32) d
            UNION
            SELECT d.* FROM unnest(in_kinds) k, app.orgs_at_work(k, in_after, 32) o, LATERAL (
                SELECT j.org_id, j.id, j.run_at FROM app.jobs j
                 WHERE j.kind = k AND j.org_id = o AND j.state IN ('PENDING', 'RUNNING') AND j.run_at <= now()
                   AND (j.state = 'PENDING' OR j.lease_until < now()) ORDER BY j.run_at LIMIT 2) d
        )
        SELECT d.org_id, d.id FROM due d LEFT JOIN busy b USING (org_id)
         WHERE coalesce(b.n, 0) < in_share ORDER BY coalesce(b.n, 0), d.run_at
    LOOP
        BEGIN
            UPDATE app.jobs j SET state = 'RUNNING', attempt = j.attempt + 1, lease_until = now() + interval '20 seconds'
              FROM (SELECT l.org_id, l.id FROM app.jobs l
                     WHERE l.org_id = one.org_id AND l.id = one.id AND l.run_at <= now()
                       AND (l.state = 'PENDING' OR (l.state = 'RUNNING' AND l.lease_until < now())) FOR UPDATE SKIP LOCKED) mine
             WHERE j.org_id = mine.org_id AND j.id = mine.id
            RETURNING j.org_id, j.user_id, j.id, j.kind, j.payload, j.attempt, j.cancel, j.cause, j.depth, j.locale
                 INTO org_id, user_id, id, kind, payload, attempt, cancel, cause, depth, locale;
            IF FOUND THEN
                RETURN;
            END IF;
        EXCEPTION WHEN unique_violation THEN
            CONTINUE;
        END;
    END LOOP;
END $$;

-- In how many milliseconds a job of one of the kinds is due; NULL if none waits.
CREATE FUNCTION app.next_job(in_kinds text[]) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN min(at) IS NOT NULL THEN greatest(0, ceil(extract(epoch FROM min(at) - clock_timestamp()) * 1000))::bigint END
      FROM unnest(in_kinds) k, LATERAL (
          (SELECT run_at AS at FROM app.jobs WHERE kind = k AND state IN ('PENDING', 'RUNNING') AND state = 'PENDING' ORDER BY run_at LIMIT 1)
          UNION ALL
          SELECT lease_until FROM app.jobs WHERE kind = k AND state IN ('PENDING', 'RUNNING') AND state = 'RUNNING') due
     WHERE at < 'infinity'
$$;

-- The next time after now that a schedule names, on the clocks of a zone. in_every: an interval, from a Monday on, or '1 month';
-- in_at: how long after its beginning, e.g. '02:30', or '1 day 09:00' for the Tuesdays of '7 days'.
CREATE FUNCTION app.next_time(in_every interval, in_at interval, in_zone text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN in_every = '1 month' THEN date_trunc('month', here - in_at) + in_every + in_at
                ELSE date_bin(in_every, here, timestamp '2001-01-01' + in_at) + in_every END AT TIME ZONE in_zone
      FROM (SELECT now() AT TIME ZONE in_zone AS here) clock
$$;

-- Writes the next job of a schedule for each organisation, unless it is there: its id follows from organisation, kind and time. So
-- whoever plans, and however often, each is done once; one that was missed while nothing ran is done late, and once.
CREATE FUNCTION app.plan_jobs(in_kind text, in_every interval, in_at interval) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO app.jobs (org_id, id, user_id, kind, run_at, cause, depth)
    SELECT o.org_id, md5('schedule ' || in_kind || ' ' || o.org_id || ' ' || extract(epoch FROM next.at))::uuid, NULL, in_kind, next.at,
           NULL, NULL
      FROM identity.orgs o, LATERAL (SELECT app.next_time(in_every, in_at, o.time_zone) AS at) next
     WHERE o.delete_time IS NULL
    ON CONFLICT DO NOTHING
$$;
REVOKE EXECUTE ON FUNCTION app.orgs_at_work, app.take_job, app.next_job, app.plan_jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.take_job, app.next_job, app.plan_jobs TO sfms_service;

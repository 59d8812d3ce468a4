-- Tries of passwords: who shares an address is slowed down by what others fail at there, and not shut out.

-- people: how many have signed in from a network address, each counted once in a while.
ALTER TABLE identity.attempts ADD COLUMN people integer NOT NULL DEFAULT 0;

-- Counts a try under each key before it is made, so that many at once cannot slip through. Answers the seconds to wait, in
-- which case nothing was counted; 0 to go on. From in_limits failures on, within 15 minutes of each other, each one
-- blocks a key, for in_longest seconds at most. The first blocks for 32 seconds, each further one for twice
-- as long. Where the first key is known, no other is looked at: whoever has signed in from a place before is not shut out by
-- what others try elsewhere. The third key is the place: where several people sign in, the first key is shared too, and
-- blocked for 32 seconds each time.
CREATE FUNCTION identity.count_tries(in_keys text[], in_limits integer[], in_longest integer[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keys   text[] := in_keys;
    shared boolean;
    wait   interval;
BEGIN
    DELETE FROM identity.attempts WHERE key IN (
        SELECT key FROM identity.attempts WHERE expire_time < now() AND key <> ALL (in_keys)
         LIMIT 100 FOR UPDATE SKIP LOCKED);
    IF EXISTS (SELECT 1 FROM identity.attempts WHERE key = in_keys[1] AND known AND expire_time > now()) THEN
        keys := in_keys[1:1];
    END IF;
    shared := EXISTS (SELECT 1 FROM identity.attempts WHERE key = in_keys[3] AND people > 1);
    INSERT INTO identity.attempts (key) SELECT k FROM unnest(keys) k ORDER BY k ON CONFLICT DO NOTHING;
    PERFORM 1 FROM identity.attempts WHERE key = ANY (keys) ORDER BY key FOR UPDATE;
    SELECT max(blocked_until) - clock_timestamp() INTO wait FROM identity.attempts WHERE key = ANY (keys);
    IF wait > interval '0' THEN
        RETURN ceil(extract(epoch FROM wait));
    END IF;
    UPDATE identity.attempts a SET failures = n.failures, last_time = clock_timestamp(),
           blocked_until = clock_timestamp() + CASE WHEN n.failures >= n.most THEN
               make_interval(secs => least(power(2, least(n.failures - n.most + 5, 16)), n.longest)) END,
           expire_time = greatest(a.expire_time, now() + interval '1 day')
      FROM (SELECT k.key, in_limits[k.i] AS most,
                   CASE WHEN shared THEN least(in_longest[k.i], 32) ELSE in_longest[k.i] END AS longest,
                   CASE WHEN last_time < clock_timestamp() - interval '15 minutes' THEN 1 ELSE failures + 1 END AS failures
              FROM unnest(in_keys) WITH ORDINALITY AS k (key, i) JOIN identity.attempts ON attempts.key = k.key
             WHERE k.key = ANY (keys)) n
     WHERE a.key = n.key;
    RETURN 0;
END $$;

-- The try was right: the first key starts anew and is known for 30 days; under the others this one try is forgotten. The place
-- has one more who signs in there, if he is new.
CREATE OR REPLACE FUNCTION identity.forget_try(in_keys text[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM 1 FROM identity.attempts WHERE key = ANY (in_keys) ORDER BY key FOR UPDATE;
    UPDATE identity.attempts SET people = people + 1, expire_time = now() + interval '30 days'
     WHERE key = in_keys[3]
       AND EXISTS (SELECT 1 FROM identity.attempts WHERE key = in_keys[1] AND NOT (known AND expire_time > now()));
    UPDATE identity.attempts SET failures = greatest(failures - 1, 0), blocked_until = NULL
     WHERE key = ANY (in_keys[2:]);
    UPDATE identity.attempts SET failures = 0, blocked_until = NULL, known = true,
           expire_time = now() + interval '30 days'
     WHERE key = in_keys[1];
END $$;

REVOKE EXECUTE ON FUNCTION identity.count_tries(text[], integer[], integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.count_tries(text[], integer[], integer[]) TO sfms_identity;

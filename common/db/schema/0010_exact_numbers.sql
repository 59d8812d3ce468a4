-- Numbers in JSON of any shape that are not the same after a double has held them: requests no longer bring any, and those that
-- are there already become strings of their digits. common/proto/number.h has the same rule.

CREATE FUNCTION app.number_held(n numeric) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    rest numeric := abs(n);
BEGIN
    IF length(n::text) > 63 OR n::float8::text::numeric <> n THEN
        RETURN false;
    END IF;
    IF rest <= 9007199254740992 OR rest <> trunc(rest) THEN
        RETURN true;
    END IF;
    WHILE rest % 2 = 0 LOOP     -- whole: what is left without its twos must fit
        rest := div(rest, 2);
    END LOOP;
    RETURN rest <= 9007199254740992;
END $$;

-- Whether JSON holds only such numbers, and JSON with strings in the place of the others.
CREATE FUNCTION app.numbers_held(j jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT NOT EXISTS (SELECT 1 FROM jsonb_path_query(j, 'strict $.**') v
                        WHERE jsonb_typeof(v) = 'number' AND NOT app.number_held(v::numeric))
$$;

CREATE FUNCTION app.with_numbers_held(j jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE jsonb_typeof(j)
        WHEN 'object' THEN coalesce((SELECT jsonb_object_agg(key, app.with_numbers_held(value)) FROM jsonb_each(j)), '{}')
        WHEN 'array' THEN coalesce((SELECT jsonb_agg(app.with_numbers_held(e) ORDER BY n)
                                      FROM jsonb_array_elements(j) WITH ORDINALITY AS x (e, n)), '[]')
        WHEN 'number' THEN CASE WHEN app.number_held(j::numeric) THEN j ELSE to_jsonb(j::numeric::text) END
        ELSE j END;
END $$;

-- Of an image of a row, which has numbers of its own, only what is in its lists and objects.
CREATE FUNCTION app.image_with_numbers_held(image jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_object_agg(key, CASE WHEN jsonb_typeof(value) IN ('object', 'array') THEN app.with_numbers_held(value)
                                      ELSE value END)
      FROM jsonb_each(image)
$$;

-- The records: a change like others, as what the API answers changes. The log: quietly. A number that is not held has at
-- least 16 digits when it is written out, which few texts have.
DO $$
DECLARE
    target record;
BEGIN
    FOR target IN
        SELECT r.relation, a.attname FROM app.resources r
          JOIN pg_attribute a ON a.attrelid = r.relation AND a.atttypid = 'jsonb'::regtype AND a.attnum > 0
                                 AND NOT a.attisdropped AND a.attgenerated = ''
         ORDER BY r.name, a.attnum
    LOOP
        EXECUTE format('UPDATE %1$s SET %2$I = app.with_numbers_held(%2$I)'
                       ' WHERE %2$I::text ~ ''[0-9][0-9.]{15}'' AND NOT app.numbers_held(%2$I)', target.relation, target.attname);
    END LOOP;
    UPDATE app.events SET before = app.image_with_numbers_held(before), after = app.image_with_numbers_held(after)
     WHERE (before::text ~ '[0-9][0-9.]{15}' OR after::text ~ '[0-9][0-9.]{15}')
       AND (before <> app.image_with_numbers_held(before) OR after <> app.image_with_numbers_held(after));
END $$;

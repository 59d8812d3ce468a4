-- Text: what people cannot tell apart is one, what nobody can see is nothing, and names are in the order that people expect.
-- common/core/text.h has the same rules; new texts meet them on the way in, those that are there already meet them here.

-- ---- how texts are compared and searched ------------------------------------------------------------------------

-- What is drawn as a blank beside the blank, and what is not drawn at all, as it stands between the brackets of an expression.
CREATE FUNCTION app.blanks() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '\u0001-\u001f\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000';

CREATE FUNCTION app.ignored() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164'
    || '\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff';

-- Text as it is compared: full and half width, upper and lower case of all scripts are the same, by way of the capitals, as ß is
-- SS (a capital ẞ stays one); what is not drawn is nothing, several blanks are one, and outer ones none. Only what is not ASCII needs all of it.
CREATE OR REPLACE FUNCTION app.fold(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    folded text := lower(t COLLATE "C");
BEGIN
    IF octet_length(t) > length(t) THEN
        folded := replace(translate(lower(upper(normalize(t, NFKC) COLLATE "und-x-icu")), 'ς', 'σ'), 'ß', 'ss');
        folded := regexp_replace(folded, '[' || app.ignored() || ']+', '', 'g');
    END IF;
    RETURN btrim(regexp_replace(folded, '[' || app.blanks() || ']|[ ' || app.blanks() || ']{2,}', ' ', 'g'));
END $$;

-- Text as a search looks at it: folded, and digits without what people put between them (138-0013 8000). The first 10,000
-- characters, which is all of any text that people write, and a bound for those that grow when they are folded. With a body
-- that PostgreSQL reads at once, not a string: so a dump knows that it needs app.fold, before the tables with generated columns.
CREATE OR REPLACE FUNCTION app.searched(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(left(app.fold(left(t, 10000)), 10000), '(?<=[0-9])[ .()-]+(?=[0-9])', '', 'g');

-- Every pair of neighbouring characters. An index over grams finds a substring of two characters in any script, which trigrams
-- cannot; one of a single character it does not find. From an array, as a string is walked from its start for each character.
CREATE OR REPLACE FUNCTION app.grams(t text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    grams text[] := '{}';
    last  text;
    next  text;
BEGIN
    FOREACH next IN ARRAY string_to_array(t, NULL) LOOP
        IF last IS NOT NULL THEN
            grams := grams || (last || next);
        END IF;
        last := next;
    END LOOP;
    RETURN grams;
END $$;

-- ---- in which order names are -----------------------------------------------------------------------------------

-- Letters of all scripts as dictionaries have them, with accents and case only where all else is the same, then Chinese by
-- pinyin. Lists are ordered by it, and so are the indexes that serve them; columns stay as they are, so that = is the same text.
CREATE COLLATION app.by_name (provider = icu, locale = 'zh-u-co-pinyin-kr-zzzz-hani');

-- A newer ICU may order some names in another way, and an index that goes by the old order loses rows. `sfmsctl migrate` calls
-- this each time: where the server's ICU has changed, it makes the indexes again; true if it did.
CREATE FUNCTION app.renew_order() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    collation_id oid := 'app.by_name'::regcollation;
    index regclass;
BEGIN
    IF EXISTS (SELECT 1 FROM pg_collation
                WHERE oid = collation_id AND collversion IS NOT DISTINCT FROM pg_collation_actual_version(oid)) THEN
        RETURN false;
    END IF;
    FOR index IN SELECT indexrelid FROM pg_index WHERE collation_id = ANY (indcollation::oid[]) LOOP
        EXECUTE format('REINDEX INDEX %s', index);
    END LOOP;
    ALTER COLLATION app.by_name REFRESH VERSION;
    RETURN true;
END $$;

-- ---- what is there already --------------------------------------------------------------------------------------

-- A text of one line in the form in which it is stored; NULL if there is nothing to see.
CREATE FUNCTION app.line(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    hidden text := '[ ' || app.blanks() || app.ignored() || ']+';
BEGIN
    RETURN nullif(normalize(regexp_replace(t, format('^%1$s|%1$s$', hidden), '', 'g'), NFC), '');
END $$;

-- A mail address in that form.
CREATE FUNCTION app.mail(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lower(normalize(app.line(t), NFKC) COLLATE "und-x-icu");

-- Brings the texts of a column to such a form where the condition holds: a change like others, with a new version and an event,
-- but without what looks at the whole row, as a rule of today must not keep an old row as it is. A text that must be there and
-- has nothing to see stays.
CREATE FUNCTION app.tidy(relation regclass, field text, form text DEFAULT 'app.line', condition text DEFAULT 'true') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    required boolean := (SELECT attnotnull FROM pg_attribute WHERE attrelid = relation AND attname = field);
BEGIN
    EXECUTE format('ALTER TABLE %1$s DISABLE TRIGGER USER, ENABLE TRIGGER z_touch, ENABLE TRIGGER z_log', relation);
    EXECUTE format('UPDATE %1$s r SET %2$I = %3$s(%2$I) WHERE %2$I IS DISTINCT FROM %3$s(%2$I) AND %4$s AND %5$s', relation, field, form,
                   CASE WHEN required THEN format('%s(%I) IS NOT NULL', form, field) ELSE 'true' END, condition);
    EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', relation);
END $$;

-- Makes the texts of a column that are now one, within the columns of scope, distinct again, so that they can be unique: the
-- oldest record keeps its own, the others get " (2)", " (3)" and so on.
CREATE FUNCTION app.make_distinct(relation regclass, field text, scope text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one    record;
    wanted text;
    taken  boolean;
BEGIN
    FOR one IN EXECUTE format(
        'SELECT org_id, id, value FROM (SELECT *, %1$I AS value, row_number() OVER (PARTITION BY org_id %3$s, app.fold(%1$I)'
        ' ORDER BY create_time, id) AS n FROM %2$s WHERE delete_time IS NULL AND %1$I IS NOT NULL) same WHERE n > 1'
        ' ORDER BY create_time, id', field, relation, scope)
    LOOP
        FOR n IN 2 .. 1000000 LOOP
            wanted := format('%s (%s)', left(one.value, 90), n);
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s WHERE org_id = $1 AND delete_time IS NULL AND app.fold(%I) = app.fold($2))',
                           relation, field) INTO taken USING one.org_id, wanted;
            EXIT WHEN NOT taken;
        END LOOP;
        EXECUTE format('UPDATE %s SET %I = $3 WHERE org_id = $1 AND id = $2', relation, field) USING one.org_id, one.id, wanted;
    END LOOP;
END $$;

-- Works the searched texts of a table out again, which changes nothing that a user sees, and its index with them. The old index
-- serves until the new one is there.
CREATE FUNCTION app.search_again(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    generated text := (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
                         JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                        WHERE d.adrelid = relation AND a.attname = 'search_text');
    source    text := (regexp_match(generated, '\m(name|subject|body|display_name)\M'))[1];
    index     record;
BEGIN
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', relation);
    EXECUTE format('UPDATE %1$s SET %2$I = %2$I WHERE search_text IS DISTINCT FROM %3$s', relation, source, generated);
    EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', relation);
    FOR index IN SELECT c.oid::regclass::text AS name, c.relname, n.nspname, pg_get_indexdef(c.oid) AS definition FROM pg_index i
                   JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE i.indrelid = relation AND pg_get_indexdef(c.oid) LIKE '%app.grams(%'
    LOOP
        EXECUTE format('ALTER INDEX %s RENAME TO %I', index.name, index.relname || '_old');
        EXECUTE index.definition;
        EXECUTE format('DROP INDEX %I.%I', index.nspname, index.relname || '_old');
    END LOOP;
END $$;

-- Keys of other systems, unless another record has the key that they become.
CREATE FUNCTION app.tidy_key(relation regclass) RETURNS void LANGUAGE sql AS $$
    SELECT app.tidy(relation, field, condition => format(
        'NOT EXISTS (SELECT 1 FROM %s o WHERE o.org_id = r.org_id AND o.id <> r.id AND o.external_id IS NOT NULL'
        ' AND app.line(o.external_id) = app.line(r.external_id)'
        ' AND app.line(o.external_source) IS NOT DISTINCT FROM app.line(r.external_source))', relation))
      FROM unnest(ARRAY['external_id', 'external_source']) field
$$;

-- All records: texts of one line in which nothing is unique, keys, and what is searched. What is unique by name is in the files
-- of the services.
DO $$
DECLARE
    target regclass;
    field  text;
BEGIN
    FOR target IN SELECT relation FROM app.resources
                   WHERE 2 = (SELECT count(*) FROM pg_trigger WHERE tgrelid = relation AND tgname IN ('z_touch', 'z_log')) LOOP
        FOR field IN SELECT attname FROM pg_attribute
                      WHERE attrelid = target AND atttypid = 'text'::regtype AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
                        AND attname NOT IN ('description', 'body')
                        AND NOT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = target AND indisunique
                                           AND pg_get_indexdef(indexrelid) ~ format('\m%s\M', attname)) LOOP
            PERFORM app.tidy(target, field);
        END LOOP;
        PERFORM app.tidy_key(target);
        IF EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = target AND attname = 'search_text') THEN
            PERFORM app.search_again(target);
        END IF;
    END LOOP;
END $$;

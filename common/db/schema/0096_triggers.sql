-- The condition of a trigger is read and planned anew for each statement on its table, whether it holds or not: 5 us each, where
-- the columns that it names cost nothing. So triggers say of which columns they are, and their conditions are looked at only where
-- a statement sets one. What another trigger changes is named by what made that one run.
CREATE OR REPLACE FUNCTION app.guard_reference(relation regclass, field text, target text, english text, chinese text) RETURNS void
LANGUAGE plpgsql AS $make$
DECLARE
    guard text := format('app.guard_%s_%s', replace(relation::text, '.', '_'), field);
BEGIN
    EXECUTE format($$
        CREATE FUNCTION %1$s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $guard$
        BEGIN
            IF EXISTS (SELECT 1 FROM %2$s WHERE org_id = NEW.org_id AND id = NEW.%3$I AND delete_time IS NOT NULL) THEN
                RAISE EXCEPTION USING COLUMN = %3$L, HINT = 'DELETED_RECORD', MESSAGE = %4$L, DETAIL = %5$L;
            END IF;
            RETURN NULL;
        END $guard$;
        REVOKE EXECUTE ON FUNCTION %1$s FROM PUBLIC;
        CREATE TRIGGER guard_%3$s AFTER INSERT ON %6$s FOR EACH ROW
            WHEN (NEW.%3$I IS NOT NULL AND NEW.%3$I IS DISTINCT FROM app.user_id()) EXECUTE FUNCTION %1$s();
        CREATE TRIGGER guard_%3$s_again AFTER UPDATE OF %3$I ON %6$s FOR EACH ROW
            WHEN (NEW.%3$I <> OLD.%3$I OR (NEW.%3$I IS NOT NULL AND OLD.%3$I IS NULL)) EXECUTE FUNCTION %1$s();
        $$, guard, target, field, english, chinese, relation);
END $make$;

CREATE OR REPLACE FUNCTION app.guard_disabled(relation regclass, open text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER guard_disabled AFTER INSERT ON %1$s FOR EACH ROW'
                   ' WHEN (NEW.owner_id IS DISTINCT FROM app.user_id() AND (%2$s)) EXECUTE FUNCTION app.refuse_disabled();'
                   'CREATE TRIGGER guard_disabled_again AFTER UPDATE OF owner_id ON %1$s FOR EACH ROW'
                   ' WHEN (NEW.owner_id <> OLD.owner_id AND (%2$s)) EXECUTE FUNCTION app.refuse_disabled()', relation, open);
END $$;

-- Those that there are, by the columns that each is about.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT pg_get_triggerdef(t.oid) AS definition,
               CASE WHEN t.tgname = 'guard_disabled_again' THEN 'owner_id'
                    WHEN t.tgname = 'guard_stage_id_again' THEN 'stage_id, delete_time'
                    WHEN t.tgname LIKE 'guard\_%\_again' THEN substring(t.tgname FROM '^guard_(.*)_again$')
                    ELSE m.columns END AS columns
          FROM pg_trigger t
          LEFT JOIN (VALUES ('a_hold', 'delete_time'), ('currency_again', 'currency'), ('fill_1_stage_again', 'stage_id'),
                            ('fill_2_amount_again', 'amount, line_items'), ('find_stage_again', 'delete_time'),
                            ('go_on_history', 'stage_id, delete_time'), ('hand_over_history', 'owner_id'))
                 AS m (name, columns) ON m.name = t.tgname
         WHERE t.tgrelid IN (SELECT relation FROM app.resources) AND NOT t.tgisinternal AND t.tgattr = ''
           AND (m.name IS NOT NULL OR t.tgname LIKE 'guard\_%\_again')
    LOOP
        EXECUTE replace(replace(one.definition, 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'), ' UPDATE ON ',
                        format(' UPDATE OF %s ON ', one.columns));
    END LOOP;
END $$;

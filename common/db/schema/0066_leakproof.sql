-- Marks the same functions as before, and an owner who is no superuser does so by the one function that a superuser has left
-- him (sfmsctl prepare). False if marks are missing and the caller may not set them.
CREATE OR REPLACE FUNCTION app.mark_leakproof() RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    unmarked regprocedure[];
    f        regprocedure;
BEGIN
    SELECT array_agg(p.oid::regprocedure) INTO unmarked
      FROM pg_proc p
     WHERE NOT p.proleakproof AND p.oid = ANY (ARRAY[
               'numeric_lt(numeric,numeric)', 'numeric_le(numeric,numeric)', 'numeric_eq(numeric,numeric)',
               'numeric_ne(numeric,numeric)', 'numeric_ge(numeric,numeric)', 'numeric_gt(numeric,numeric)',
               'arraycontains(anyarray,anyarray)', 'strpos(text,text)', 'app.grams(text)']::regprocedure[]);
    IF unmarked IS NULL THEN
        RETURN true;
    END IF;
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        FOREACH f IN ARRAY unmarked LOOP
            EXECUTE format('ALTER FUNCTION %s LEAKPROOF', f);
        END LOOP;
        RETURN true;
    END IF;
    IF to_regprocedure('sfms_superuser.mark_leakproof(regprocedure[])') IS NULL THEN
        RETURN false;
    END IF;
    PERFORM sfms_superuser.mark_leakproof(unmarked);
    RETURN true;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN false;
END $$;

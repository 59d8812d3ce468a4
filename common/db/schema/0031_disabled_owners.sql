-- Nobody works on what belongs to somebody who cannot sign in. So a record that is open is not given to a disabled user, whether it
-- is made or changes hands; what is over may be brought in for him, as history is. What he has, he keeps, until somebody hands it
-- on. A table with owners says when its records are open: a condition on NEW.
--
-- Definer, as services do not read who is disabled.
CREATE FUNCTION app.refuse_disabled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM identity.users WHERE org_id = NEW.org_id AND id = NEW.owner_id AND disabled) THEN
        RAISE EXCEPTION USING COLUMN = 'owner_id', HINT = 'DISABLED_USER',
            MESSAGE = 'is a disabled user, who cannot work on it', DETAIL = '该用户已停用，无法处理此记录';
    END IF;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION app.refuse_disabled FROM PUBLIC;

CREATE FUNCTION app.guard_disabled(relation regclass, open text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER guard_disabled AFTER INSERT ON %1$s FOR EACH ROW'
                   ' WHEN (NEW.owner_id IS DISTINCT FROM app.user_id() AND (%2$s)) EXECUTE FUNCTION app.refuse_disabled();'
                   'CREATE TRIGGER guard_disabled_again AFTER UPDATE ON %1$s FOR EACH ROW'
                   ' WHEN (NEW.owner_id <> OLD.owner_id AND (%2$s)) EXECUTE FUNCTION app.refuse_disabled()', relation, open);
END $$;

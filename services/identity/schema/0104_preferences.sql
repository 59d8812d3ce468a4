-- What clients keep for a user: the columns of a table, say.
ALTER TABLE identity.users ADD COLUMN preferences jsonb,
    ADD CONSTRAINT users_preferences_check CHECK (jsonb_typeof(preferences) = 'object') NOT VALID;

CREATE FUNCTION identity.guard_preferences() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF app.json_length(NEW.preferences) > 16384 THEN
        RAISE EXCEPTION USING COLUMN = 'preferences', HINT = 'TOO_LONG', MESSAGE = 'must have at most 16384 characters',
            DETAIL = '最多 16384 个字符';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_preferences AFTER UPDATE ON identity.users FOR EACH ROW
    WHEN (OLD.preferences IS DISTINCT FROM NEW.preferences AND octet_length(NEW.preferences::text) > 16384)
    EXECUTE FUNCTION identity.guard_preferences();

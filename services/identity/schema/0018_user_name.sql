-- The name of a user of the caller's organisation: for sentences that say whose a record is.
CREATE FUNCTION app.user_name(in_id uuid) RETURNS text LANGUAGE sql STABLE
AS $$ SELECT display_name FROM identity.user_names WHERE org_id = app.org_id() AND id = in_id $$;

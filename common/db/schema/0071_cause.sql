-- Why something was written: an event carries its cause, the id of what wanted it (a job, another event, a call that writes several
-- records), and how many causes stand behind each other. The process says both with the principal, as "<uuid>/<depth>"; nothing for
-- what a person does, which costs an event no byte.

CREATE FUNCTION app.cause() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(left(current_setting('sfms.cause', true), 36), '')::uuid $$;

CREATE FUNCTION app.cause_depth() RETURNS smallint LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(substr(current_setting('sfms.cause', true), 38), '')::smallint $$;

-- By default, so that whatever logs an event says so, the version before this one too.
ALTER TABLE app.events ADD COLUMN cause uuid DEFAULT app.cause(), ADD COLUMN depth smallint DEFAULT app.cause_depth();

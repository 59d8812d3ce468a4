-- The day on which a moment is where the caller is.
CREATE FUNCTION app.day_of(moment timestamptz) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
RETURN (moment AT TIME ZONE coalesce(nullif(current_setting('sfms.time_zone', true), ''), 'UTC'))::date;

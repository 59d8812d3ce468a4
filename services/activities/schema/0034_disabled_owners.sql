-- When an activity is still to be done, and so not given to a disabled user: see app.guard_disabled. A note never is.
SELECT app.guard_disabled('activities.tasks', $$NEW.status = 'OPEN'$$);
SELECT app.guard_disabled('activities.meetings', 'NEW.end_time > now()');
SELECT app.guard_disabled('activities.calls', 'NEW.call_time > now()');

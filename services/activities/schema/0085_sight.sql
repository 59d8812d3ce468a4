-- Policies from one place (see app.protect). Activities are seen by who sees the record that they are about, too, and meetings by
-- who takes part; they are changed by who reaches the owner.
SELECT app.see_as('activities.tasks', '{owner,parent}');
SELECT app.see_as('activities.calls', '{owner,parent}');
SELECT app.see_as('activities.notes', '{owner,parent}');
SELECT app.see_as('activities.meetings', '{owner,users attendee_ids,parent}');
DROP FUNCTION activities.activity(regclass);

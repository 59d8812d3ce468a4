SELECT app.named('activities.tasks', 'subject'), app.named('activities.meetings', 'subject'),
       app.named('activities.calls', 'subject');

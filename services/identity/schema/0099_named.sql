SELECT app.named('identity.orgs', 'name'), app.named('identity.roles', 'name'), app.named('identity.teams', 'name'),
       app.named('identity.users', 'display_name');

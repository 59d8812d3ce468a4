SELECT app.named('customers.accounts', 'name'), app.named('customers.contacts', 'name'), app.named('customers.leads', 'name');

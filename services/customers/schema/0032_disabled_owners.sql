-- When a record is open, and so not given to a disabled user: see app.guard_disabled.
SELECT app.guard_disabled('customers.accounts', 'true');
SELECT app.guard_disabled('customers.contacts', 'true');
SELECT app.guard_disabled('customers.leads', $$NEW.status <> 'UNQUALIFIED'$$);

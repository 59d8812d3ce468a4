-- See app.see_reference.
SELECT app.see_reference('pipeline.deals', 'account_id', 'accounts');
SELECT app.see_reference('pipeline.deals', 'contact_id', 'contacts');

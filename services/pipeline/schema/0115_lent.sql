-- The conversion of a lead makes a deal. What a new deal follows is read on the way.
SELECT app.lend('pipeline.deals', 'customers', 'create');
SELECT app.lend('pipeline.stages', 'customers');
SELECT app.lend('pipeline.processes', 'customers');
SELECT app.lend('pipeline.products', 'customers');

SELECT app.named('pipeline.deals', 'name'), app.named('pipeline.stages', 'name'), app.named('pipeline.processes', 'name'),
       app.named('pipeline.products', 'name');

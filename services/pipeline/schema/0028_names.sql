-- What is unique by name is so however it is typed; and names in the order that people expect.

DROP INDEX pipeline.processes_name_key, pipeline.stages_name_key, pipeline.products_code_key;
SELECT app.tidy('pipeline.processes', 'name'), app.tidy('pipeline.stages', 'name'), app.tidy('pipeline.products', 'code');
SELECT app.make_distinct('pipeline.processes', 'name'), app.make_distinct('pipeline.stages', 'name', ', process_id'),
       app.make_distinct('pipeline.products', 'code');
CREATE UNIQUE INDEX processes_name_key ON pipeline.processes (org_id, app.fold(name)) WHERE delete_time IS NULL;
CREATE UNIQUE INDEX stages_name_key ON pipeline.stages (org_id, process_id, app.fold(name)) WHERE delete_time IS NULL;
CREATE UNIQUE INDEX products_code_key ON pipeline.products (org_id, app.fold(code)) WHERE delete_time IS NULL;

CREATE INDEX products_by_name ON pipeline.products (org_id, name COLLATE app.by_name, id);
CREATE INDEX deals_by_name ON pipeline.deals (org_id, name COLLATE app.by_name, id);
DROP INDEX pipeline.products_name, pipeline.deals_name;

-- In tables that are to come, too, a key of another system is found without the name of that system.
DROP INDEX app.record_external_id, app.owned_record_org_id_external_source_external_id_idx;
CREATE UNIQUE INDEX record_external_id ON app.record (org_id, external_id, external_source)
    NULLS NOT DISTINCT WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX owned_record_external_id ON app.owned_record (org_id, external_id, external_source)
    NULLS NOT DISTINCT WHERE external_id IS NOT NULL;

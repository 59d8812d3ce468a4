-- What operations on many records do, record by record. A row is written before its record is touched, and finished after.
CREATE TABLE exchange.operation_rows (
    org_id       uuid NOT NULL DEFAULT app.org_id(),
    operation_id uuid NOT NULL,
    number       bigint NOT NULL,
    resource     text NOT NULL,
    record_id    uuid NOT NULL,
    done         boolean NOT NULL DEFAULT false,
    code         text NOT NULL DEFAULT '',
    detail       text NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, operation_id, number),
    FOREIGN KEY (org_id, operation_id) REFERENCES app.jobs ON DELETE CASCADE
);
CREATE INDEX operation_rows_open ON exchange.operation_rows (org_id, operation_id, number) WHERE NOT done;
CREATE INDEX operation_rows_refused ON exchange.operation_rows (org_id, operation_id, number) WHERE code <> '';
SELECT app.protect('exchange.operation_rows', 'tenant');
GRANT SELECT, INSERT, UPDATE ON exchange.operation_rows TO sfms_exchange;

-- Leads become accounts, contacts and deals. The constraints hold for what is written from now on; conversion_holds looks
-- at the rest, which takes its time.
ALTER TABLE customers.leads
    ADD COLUMN converted_account_id uuid,
    ADD COLUMN converted_contact_id uuid,
    ADD COLUMN converted_deal_id uuid,
    ADD COLUMN convert_time timestamptz,
    DROP CONSTRAINT leads_status_check,
    ADD CONSTRAINT leads_status_check
        CHECK (status IN ('NEW', 'CONTACTED', 'QUALIFIED', 'UNQUALIFIED', 'CONVERTED')) NOT VALID,
    ADD CONSTRAINT leads_converted_account_id_fkey FOREIGN KEY (org_id, converted_account_id) REFERENCES customers.accounts NOT VALID,
    ADD CONSTRAINT leads_converted_contact_id_fkey FOREIGN KEY (org_id, converted_contact_id) REFERENCES customers.contacts NOT VALID,
    ADD CONSTRAINT leads_converted_deal_id_fkey FOREIGN KEY (org_id, converted_deal_id) REFERENCES pipeline.deals NOT VALID;

-- A lead is converted by that alone, and then stays as it is: it can be given to another user, deleted and brought back. An upsert
-- of a lead that is there inserts nothing; so what a new one may be is looked at when the row is there. No WHEN: it would cost each
-- statement more than the functions do.
CREATE FUNCTION customers.refuse_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'CONVERTED' AND NEW.convert_time IS NULL THEN
        RAISE EXCEPTION USING COLUMN = 'status', HINT = 'CONVERT_INSTEAD',
            MESSAGE = 'becomes CONVERTED by :convert alone', DETAIL = '只能通过 :convert 变为已转化';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_converted AFTER INSERT OR UPDATE OF status ON customers.leads
    FOR EACH ROW EXECUTE FUNCTION customers.refuse_status();

CREATE FUNCTION customers.keep_converted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := '{owner_id,delete_time,version,update_time}';
BEGIN
    IF OLD.status = 'CONVERTED' AND to_jsonb(OLD) - may_change IS DISTINCT FROM to_jsonb(NEW) - may_change THEN
        RAISE EXCEPTION USING HINT = 'ALREADY_CONVERTED',
            MESSAGE = 'The lead has been converted, and cannot be changed any more.', DETAIL = '该线索已转化，不能再修改。';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_converted AFTER UPDATE ON customers.leads
    FOR EACH ROW EXECUTE FUNCTION customers.keep_converted();

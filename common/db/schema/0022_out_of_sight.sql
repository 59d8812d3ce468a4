-- Who loses sight of a record learns it from the feed, and who gains it gets the whole record. A change of owner is two
-- events: the change, which is seen by who sees the new owner, and one without contents, which is seen by who sees the former
-- one; the feed leaves it out for who sees both.

-- Of a change of owner the owner before; of OUT_OF_SIGHT, whose owner is the former one, the owner after.
ALTER TABLE app.events ADD COLUMN other_owner_id uuid;
ALTER TABLE app.events DROP CONSTRAINT events_action_check;
ALTER TABLE app.events ADD CONSTRAINT events_action_check
    CHECK (action IN ('CREATED', 'UPDATED', 'DELETED', 'UNDELETED', 'OUT_OF_SIGHT')) NOT VALID;

-- As before, with the second event. A second argument stands for a table whose writes are not all events: the next one has what
-- has changed since the last.
CREATE OR REPLACE FUNCTION app.log_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old_row jsonb;
    new_row jsonb;
    one     jsonb;
    former  uuid;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
        RETURN NULL;
    END IF;
    old_row := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - 'search_text' END;
    new_row := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - 'search_text' END;
    one := coalesce(new_row, old_row);
    IF TG_OP = 'UPDATE' AND TG_NARGS > 1 THEN
        SELECT e.after INTO old_row FROM app.events e
         WHERE e.org_id = NEW.org_id AND e.record_id = NEW.id AND e.after IS NOT NULL ORDER BY e.xid DESC, e.seq DESC LIMIT 1;
    END IF;
    IF old_row->>'owner_id' <> new_row->>'owner_id' THEN
        former := old_row->>'owner_id';
        INSERT INTO app.events (org_id, resource, record_id, owner_id, other_owner_id, action)
        VALUES ((one->>'org_id')::uuid, TG_ARGV[0], (one->>'id')::uuid, former, (one->>'owner_id')::uuid, 'OUT_OF_SIGHT');
    END IF;
    INSERT INTO app.events (org_id, actor_id, resource, record_id, owner_id, other_owner_id, action, before, after)
    VALUES ((one->>'org_id')::uuid, app.user_id(), TG_ARGV[0], (one->>'id')::uuid, (one->>'owner_id')::uuid, former,
            CASE WHEN TG_OP = 'INSERT' THEN 'CREATED'
                 WHEN TG_OP = 'DELETE' THEN 'DELETED'
                 WHEN old_row->>'delete_time' IS NULL AND new_row->>'delete_time' IS NOT NULL THEN 'DELETED'
                 WHEN old_row->>'delete_time' IS NOT NULL AND new_row->>'delete_time' IS NULL THEN 'UNDELETED'
                 ELSE 'UPDATED' END,
            old_row, new_row);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER z_log_state AFTER UPDATE ON activities.imports FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION app.log_event('imports', 'since the last');

-- What has changed owners until now. Those who follow the feed learn at its end what has gone out of their sight, and is
-- still out of it.
UPDATE app.events SET other_owner_id = (before->>'owner_id')::uuid
 WHERE action = 'UPDATED' AND before->>'owner_id' <> after->>'owner_id';

INSERT INTO app.events (org_id, resource, record_id, owner_id, other_owner_id, action)
SELECT DISTINCT e.org_id, e.resource, e.record_id, e.other_owner_id, last.owner_id, 'OUT_OF_SIGHT'
  FROM app.events e, LATERAL (SELECT owner_id FROM app.events l WHERE l.org_id = e.org_id AND l.record_id = e.record_id
                               ORDER BY l.xid DESC, l.seq DESC LIMIT 1) last
 WHERE e.other_owner_id IS NOT NULL AND last.owner_id <> e.other_owner_id;

-- A name for what the reader sees: another one when owners have come into his sight or left it. What is no more than a number
-- of rows and a sum of hashes costs a tenth of a sorted list.
CREATE FUNCTION app.sight_mark() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF app.sees_org() THEN
        RETURN 'org';
    END IF;
    RETURN (SELECT count(*) || ':' || sum(hashtextextended(owner::text, 0))
              FROM (SELECT DISTINCT unnest(app.seen_owners()) AS owner) seen);
END $$;

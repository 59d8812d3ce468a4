-- The security log. Services write it by app.audit alone; nobody changes or deletes what is in it.

CREATE TABLE identity.audit_events (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz CHECK (delete_time IS NULL),
    action      text NOT NULL,
    result      text NOT NULL,
    actor_id    uuid,
    session_id  uuid,
    address     text,
    agent       text,
    resource    text,
    record_id   uuid,
    email       text,
    count       bigint NOT NULL DEFAULT 0,
    request_id  text,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX audit_events_create_time ON identity.audit_events (org_id, create_time, id);
CREATE INDEX audit_events_actor_id ON identity.audit_events (org_id, actor_id, id);
SELECT app.protect('identity.audit_events', 'tenant');
INSERT INTO app.resources (name, relation) VALUES ('auditEvents', 'identity.audit_events');
GRANT SELECT (org_id, id) ON identity.audit_events TO sfms_service;
GRANT SELECT ON identity.audit_events TO sfms_identity;

CREATE TRIGGER z_log AFTER INSERT ON identity.audit_events FOR EACH ROW EXECUTE FUNCTION app.log_event('auditEvents');

CREATE TRIGGER z_touch BEFORE UPDATE ON identity.audit_events FOR EACH ROW EXECUTE FUNCTION app.touch();

CREATE FUNCTION identity.keep_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the security log is only added to';
END $$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE OR TRUNCATE ON identity.audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION identity.keep_audit_events();

-- Answers false for what has been refused just before and is refused again: whoever goes on guessing fills no disk.
CREATE FUNCTION app.audit(in_org uuid, in_id uuid, in_action text, in_result text, in_actor uuid, in_session uuid,
    in_address text, in_agent text, in_resource text, in_record uuid, in_email text, in_count bigint, in_request text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF in_result = 'TOO_MANY_TRIES' AND in_result = (
        SELECT e.result FROM identity.audit_events e
         WHERE e.org_id = in_org AND e.actor_id = in_actor AND e.create_time > clock_timestamp() - interval '32 seconds'
         ORDER BY e.id DESC LIMIT 1) THEN
        RETURN false;
    END IF;
    INSERT INTO identity.audit_events (org_id, id, action, result, actor_id, session_id, address, agent, resource, record_id,
                                       email, count, request_id)
    VALUES (in_org, in_id, in_action, in_result, in_actor, in_session, in_address, in_agent, in_resource, in_record, in_email,
            in_count, in_request);
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION app.audit(uuid, uuid, text, text, uuid, uuid, text, text, text, uuid, text, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.audit(uuid, uuid, text, text, uuid, uuid, text, text, text, uuid, text, bigint, text)
    TO sfms_service;

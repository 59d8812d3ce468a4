"""A conversion of a lead that dies in the middle, of the process or of its session, has done nothing; and it can be done then."""
import threading

import pytest

from lib.stack import wait_until


@pytest.fixture
def lead(victim):
    """A lead with a note and a task on it."""
    lead = victim.api.post("/v1/leads", json={"name": "王小明", "company": "云帆科技"}).ok()
    about = {"relatedResource": "leads", "relatedId": lead["id"]}
    victim.api.post("/v1/tasks", json={"subject": "Ring", **about}).ok()
    victim.api.post("/v1/notes", json={"body": "Wants two", **about}).ok()
    return lead


def what_there_is(stack, org):
    return stack.sql("SELECT (SELECT count(*) FROM customers.accounts WHERE org_id = %s), (SELECT count(*) FROM customers.contacts WHERE org_id = %s),"
                     " (SELECT count(*) FROM pipeline.deals WHERE org_id = %s),"
                     " (SELECT count(*) FROM app.events WHERE org_id = %s AND cause IS NOT NULL),"
                     " (SELECT count(*) FROM activities.tasks WHERE org_id = %s AND related_resource = 'leads'),"
                     " (SELECT count(*) FROM activities.notes WHERE org_id = %s AND related_resource = 'leads'),"
                     " (SELECT count(*) FROM customers.leads WHERE org_id = %s AND status = 'CONVERTED')", *[org.id] * 7)[0]


# Where it stands when it dies: before the deal, with account and contact made; and after all three, before the activities follow.
@pytest.mark.parametrize("held", ["pipeline.stages", "activities.tasks"])
@pytest.mark.parametrize("harm", ["process", "session"])
def test_all_or_nothing(harm, held, own_stack, victim, lead):
    before = what_there_is(own_stack, victim)
    path = f"/v1/leads/{lead['id']}:convert"
    answers = []
    lock = own_stack.pg.connect()
    lock.autocommit = False
    lock.cursor().execute(f"LOCK TABLE {held} IN ACCESS EXCLUSIVE MODE")
    caller = threading.Thread(target=lambda: answers.append(victim.api.post(path, json={"deal": {}})))
    caller.start()
    waiting = "SELECT pid FROM pg_stat_activity WHERE usename = 'sfms_customers' AND wait_event_type = 'Lock'"
    pid = wait_until("the conversion waits in the middle", lambda: own_stack.sql(waiting))[0][0]
    if harm == "process":
        own_stack["customers"].kill()
    else:
        own_stack.sql("SELECT pg_terminate_backend(%s)", pid)
    lock.rollback()
    lock.close()
    if harm == "process":
        own_stack["customers"].start()
        own_stack.wait_ready()
    caller.join()
    assert answers[0].status == 503
    wait_until("its session has ended", lambda: not own_stack.sql("SELECT 1 FROM pg_stat_activity WHERE pid = %s", pid))
    assert what_there_is(own_stack, victim) == before
    wait_until("it can be done", lambda: victim.api.get(f"/v1/leads/{lead['id']}").status == 200)
    done = victim.api.post(path, json={"deal": {}}).ok()
    assert done["movedActivities"] == 2
    after = what_there_is(own_stack, victim)
    assert [a - b for a, b in zip(after, before)] == [1, 1, 1, 6, -1, -1, 1]

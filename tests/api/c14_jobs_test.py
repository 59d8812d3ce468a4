"""Jobs: taken turn by turn between organisations, one of a key at a time, by schedules, and soon."""
import datetime
import statistics
import time
import uuid

import pytest

from lib.org import Org
from lib.stack import wait_until

NIL = str(uuid.UUID(int=0))


@pytest.fixture
def kind(stack):
    """A kind of job that no process runs, so that the test may."""
    kind = f"test{uuid.uuid4().hex[:8]}"
    yield kind
    stack.sql("DELETE FROM app.jobs WHERE kind = %s", kind)


def add(stack, org, kind, due="0", key=None):
    """A job that is due so long after now; answers its id."""
    id = str(uuid.uuid4())
    stack.sql("INSERT INTO app.jobs (org_id, id, user_id, kind, key, run_at) VALUES (%s, %s, %s, %s, %s, now() + %s::interval)",
              org.id, id, org.admin.id, kind, key, due)
    return id


def take(stack, kind, share=1, after=NIL):
    """What the service would get: (where it has looked to, organisation, job)."""
    return stack.sql("SELECT scanned::text, org_id::text, id::text FROM app.take_job(ARRAY[%s], %s, %s::uuid)", kind, share, after,
                     user="sfms_exchange")[0]


def end(stack, id):
    stack.sql("UPDATE app.jobs SET state = 'DONE', end_time = now(), lease_until = NULL WHERE id = %s", id)


def test_who_has_many_does_not_stand_before_the_others(stack, kind, org, other_org):
    stack.sql("INSERT INTO app.jobs (org_id, user_id, kind, run_at) SELECT %s, %s, %s, now() - interval '1 hour'"
              " FROM generate_series(1, 1000)",
              org.id, org.admin.id, kind)
    late = add(stack, other_org, kind)
    _, first, _ = take(stack, kind)
    assert first == org.id, "who waits longest comes first"
    assert take(stack, kind)[1:] == (other_org.id, late), "then who has none under way"
    assert take(stack, kind)[2] is None, "nobody gets more than his share"
    assert take(stack, kind, share=2)[1] == org.id


def test_one_of_a_key_at_a_time(stack, kind, org, other_org):
    a, b = (add(stack, org, kind, f"-{s} seconds", key="k") for s in (9, 8))
    theirs, free = add(stack, other_org, kind, key="k"), add(stack, org, kind)
    taken = [take(stack, kind, share=9)[2] for _ in range(4)]
    assert taken == [a, theirs, free, None]
    end(stack, a)
    assert take(stack, kind, share=9)[2] == b


def test_a_lease_that_has_expired_is_taken_over(stack, kind, org):
    id = add(stack, org, kind, key="k")
    assert take(stack, kind)[2] == id and take(stack, kind)[2] is None
    stack.sql("UPDATE app.jobs SET lease_until = now() - interval '1 second' WHERE id = %s", id)
    assert take(stack, kind)[2] == id
    assert stack.sql("SELECT attempt, state FROM app.jobs WHERE id = %s", id) == [(2, "RUNNING")]


def test_once_takes_the_one_that_waits(stack, kind, org):
    conn = stack.pg.connect(user="sfms_exchange")
    cursor = conn.cursor()
    try:
        cursor.execute("BEGIN")
        cursor.execute("SELECT set_config('sfms.org_id', %s, true), set_config('sfms.user_id', %s, true)", (org.id, org.admin.id))
        ids = []
        for run_at, payload in (("1 hour", '{"n": 1}'), ("1 minute", '{"n": 2}'), ("2 hours", '{"n": 3}')):
            cursor.execute("SELECT app.add_job(%s, %s, 'k', now() + %s::interval, in_once => true)::text", (kind, payload, run_at))
            ids.append(cursor.fetchone()[0])
        cursor.execute("COMMIT")
    finally:
        conn.close()
    assert len(set(ids)) == 1
    assert stack.sql("SELECT payload->>'n', run_at < now() + interval '2 minutes' FROM app.jobs WHERE id = %s", ids[0]) == [("3", True)]


@pytest.mark.parametrize("every, at, zone, now, then", [
    ("1 day", "02:30", "Asia/Shanghai", "2026-03-01 12:00+00", "2026-03-01 18:30+00"),
    ("1 day", "02:30", "Asia/Shanghai", "2026-03-01 18:30+00", "2026-03-02 18:30+00"),
    ("1 day", "09:00", "America/New_York", "2026-03-07 15:00+00", "2026-03-08 13:00+00"),      # clocks are put forward that night
    ("7 days", "1 day 09:00", "UTC", "2026-11-25 00:00+00", "2026-12-01 09:00+00"),
    ("1 month", "4 days 06:00", "UTC", "2026-01-31 00:00+00", "2026-02-05 06:00+00"),
    ("15 minutes", "0", "UTC", "2026-01-31 00:16+00", "2026-01-31 00:30+00"),
])
def test_the_times_of_a_schedule(every, at, zone, now, then, stack):
    body = stack.sql("SELECT prosrc FROM pg_proc WHERE proname = 'next_time'")[0][0].replace("now()", f"timestamptz '{now}'")
    text = (body.replace("in_every", f"interval '{every}'").replace("in_at", f"interval '{at}'").replace("in_zone", f"'{zone}'"))
    assert stack.sql(text)[0][0] == datetime.datetime.fromisoformat(then)


def test_a_schedule_has_one_job_for_each_organisation_and_time(stack, kind, org, other_org):
    for _ in range(3):
        stack.sql("SELECT app.plan_jobs(%s, '1 day', '02:30')", kind, user="sfms_activities")
    rows = stack.sql("SELECT org_id::text, user_id, run_at > now() FROM app.jobs WHERE kind = %s", kind)
    assert {r[0] for r in rows} >= {org.id, other_org.id} and len(rows) == len({r[0] for r in rows})
    assert {r[1:] for r in rows} == {(None, True)}, "on behalf of the organisation"


def test_what_the_organisation_itself_may_do(stack, org):
    permissions, visibility, zone = stack.sql("SELECT permissions, visibility, time_zone FROM app.org_caller(%s)", org.id)[0]
    assert "deals.write" in permissions and visibility == "ORG" and zone == "Asia/Shanghai"
    assert stack.sql("SELECT visibility FROM app.org_caller(%s)", str(uuid.uuid4())) == [(None,)]


def remind_now(api):
    """A task with a reminder that is due, and how long it takes until it is there."""
    start = time.monotonic()
    task = api.post("/v1/tasks", json={"subject": "Now", "remindTime": "2020-01-01T00:00:00Z"}).ok(201)
    wait_until("the reminder", lambda: any(n["recordId"] == task["id"] for n in api.get("/v1/notifications").ok()["notifications"]),
               10, 0.005)
    return time.monotonic() - start


def test_a_due_job_is_begun_at_once(stack):
    api = Org(stack).api
    took = statistics.median(remind_now(api) for _ in range(7))
    assert took < 0.5, f"{took * 1000:.0f} ms with the sanitizers, and with writing and reading"


def test_a_job_begins_when_its_time_has_come(stack):
    api = Org(stack).api
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
    task = api.post("/v1/tasks", json={"subject": "Soon", "remindTime": at.isoformat()}).ok(201)
    note = wait_until("the reminder", lambda: [n for n in api.get("/v1/notifications").ok()["notifications"] if n["recordId"] == task["id"]])
    came = datetime.datetime.fromisoformat(note[0]["createTime"].replace("Z", "+00:00"))
    assert datetime.timedelta(0) <= came - at < datetime.timedelta(seconds=1)


def test_nothing_is_due_while_nothing_waits(stack, kind, org):
    def next_job():
        return stack.sql("SELECT app.next_job(ARRAY[%s])", kind, user="sfms_exchange")[0][0]
    assert next_job() is None
    id = add(stack, org, kind, "1 minute")
    assert 50000 < next_job() <= 60000
    stack.sql("UPDATE app.jobs SET run_at = now() - interval '1 minute' WHERE id = %s", id)
    assert next_job() == 0
    take(stack, kind)
    assert 10000 < next_job() <= 20000, "then its lease has expired"

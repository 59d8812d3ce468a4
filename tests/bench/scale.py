"""What a call costs the database as the data grow: one organisation, four people, a list of calls. See run.sh --scale."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from bench import BenchCluster, BenchStack, say
from lib.api import Api
from lib.org import log_in
from lib.stack import ROOT

PASSWORD = "correct horse battery"
LIMIT_MS = 20

# Who calls: the administrator, the manager of a region of 100, the manager of a team of two, and a seller with a thousandth.
PEOPLE = {"administrator": None, "manager of 100": 2006, "manager of 2": 3000, "seller, 0.1 %": 1000}


def user_id(n):
    return f"00000001-0000-7000-8000-{n:012d}"


def listed(collection, order=None, where=None, search=None, **more):
    given = {"orderBy": order, "filter": where, "search": search, "pageSize": 50, **more}
    return f"/v1/{collection}", {k: v for k, v in given.items() if v is not None}


# Name: path and parameters. "{stage}" is the id of an open stage.
CALLS = {
    "list acc id": listed("accounts", "id"),
    "list acc name": listed("accounts", "name"),
    "list acc name desc": listed("accounts", "name desc"),
    "list acc createTime desc": listed("accounts", "createTime desc"),
    "list acc updateTime desc": listed("accounts", "updateTime desc"),
    "list deal name": listed("deals", "name"),
    "list deal amount desc": listed("deals", "amount desc"),
    "list deal expClose": listed("deals", "expectedCloseDate"),
    "list deal closeDate desc": listed("deals", "closeDate desc"),
    "list deal startDate desc": listed("deals", "startDate desc"),
    "list deal stageEnter desc": listed("deals", "stageEnterTime desc"),
    "list contact name": listed("contacts", "name"),
    "list lead company": listed("leads", "company"),
    "count acc": listed("accounts", countTotal="true"),
    "count deal OPEN": listed("deals", where="outcome = OPEN", countTotal="true"),
    "filt acc name=": listed("accounts", where='name = "Acme Foods Inc Z0"'),
    "filt acc phone=": listed("accounts", where='phone = "+8613800000070"'),
    "filt acc phone none": listed("accounts", where='phone = "+8613999999999"'),
    "filt acc website=": listed("accounts", where='website = "https://www.firm77.example.com"'),
    "filt acc externalId=": listed("accounts", where='externalId = "K77770"'),
    "filt acc city rare name": listed("accounts", "name", 'city = "漠河"'),
    "filt acc city none name": listed("accounts", "name", 'city = "无"'),
    "filt acc city name": listed("accounts", "name", 'city = "长沙"'),
    "filt acc industry name": listed("accounts", "name", 'industry = "Steel"'),
    "filt acc revenue>=99M": listed("accounts", where="annualRevenue >= 99900000"),
    "filt acc custom level=A": listed("accounts", where='customFields.level = "A"'),
    "filt acc custom none": listed("accounts", where='customFields.level = "Z"'),
    "filt acc updated today": listed("accounts", "updateTime desc", 'updateTime >= "2026-01-01"'),
    "filt contact email=": listed("contacts", where='email = "person777@firm777.example.com"'),
    "filt contact mobile=": listed("contacts", where='mobile = "+8613900008547"'),
    "filt lead email none": listed("leads", where='email = "nobody@example.com"'),
    "filt deal externalId=": listed("deals", where='externalId = "D77770"'),
    "filt deal account": listed("deals", where='accountId = "00000003-0000-7000-8000-000000000777"'),
    "filt deal owner": listed("deals", where=f'ownerId = "{user_id(1000)}"'),
    "filt deal OPEN amount desc": listed("deals", "amount desc", "outcome = OPEN"),
    "filt deal OPEN closeExp": listed("deals", "expectedCloseDate", "outcome = OPEN"),
    "filt deal amount>=999k name": listed("deals", "name", "amount >= 999900"),
    "filt deal amount>=500k asc": listed("deals", "amount", "amount >= 500000"),
    "filt deal stage name": listed("deals", "name", 'stageId = "{stage}"'),
    "filt deal stage expClose": listed("deals", "expectedCloseDate", 'stageId = "{stage}"'),
    "filt deal source+OPEN expClose": listed("deals", "expectedCloseDate", 'leadSource = "Web" AND outcome = OPEN'),
    "filt deal probability>=99": listed("deals", where="probability >= 99"),
    "filt deal probability>100": listed("deals", where="probability > 100"),
    "filt deal startDate>=": listed("deals", "startDate", 'startDate >= "2026-11-01"'),
    "search northwind": listed("accounts", search="northwind"),
    "search soylent foods plc": listed("accounts", search="soylent foods plc"),
    "search 科技 common": listed("accounts", search="科技"),
    "search 科技 by name": listed("accounts", "name", search="科技"),
    "search 公司 common": listed("accounts", search="公司"),
    "search 科 1char": listed("accounts", search="科"),
    "search 龘 1char none": listed("accounts", search="龘"),
    "search 龘龘 none": listed("accounts", search="龘龘"),
    "search qqxz none": listed("accounts", search="qqxz"),
    "search 沙一 rare": listed("accounts", search="沙一"),
    "search phone": listed("accounts", search="13800000070"),
    "search phone tail4": listed("accounts", search="0070"),
    "search deal 工业": listed("deals", search="工业"),
    "search deal number": listed("deals", search="777771"),
    "count acc search 科技": listed("accounts", search="科技", countTotal="true"),
    "tasks list dueDate": listed("tasks", "dueDate"),
    "tasks overdue": listed("tasks", "dueDate", 'status = OPEN AND dueDate < "2026-11-01"'),
    "tasks of account": listed("tasks", where='relatedId = "00000003-0000-7000-8000-000000000774"'),
    "tasks search 回访": listed("tasks", search="回访"),
    "events start 50": ("/v1/events", {"pageSize": 50}),
    "events rare meetings": ("/v1/events", {"resource": "meetings", "pageSize": 50}),
    "events rare stages": ("/v1/events", {"resource": "stages", "pageSize": 50}),
    "events none products": ("/v1/events", {"resource": "products", "pageSize": 50}),
    "history deal": ("/v1/deals/00000006-0000-7000-8000-000000000999/history", {}),
}


def load(stack, rows):
    org = stack.make_org("Bench", "bench@example.com", PASSWORD, currency="CNY")
    other = stack.make_org("Other", "other@example.com", PASSWORD, currency="CNY")
    with open(os.path.join(ROOT, "tests/bench/scale.sql")) as f:
        text = f.read()
    conn = stack.pg.connect()
    conn.cursor().execute(text, {"org": org["orgId"], "rows": rows, "other": other["orgId"], "other_user": other["adminId"]})
    for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
        conn.cursor().execute(statement)
    conn.close()
    return org["orgId"]


def sign_in(stack):
    """A client for each of the people."""
    admin = Api(stack.base, log_in(stack.base, "bench@example.com", PASSWORD)["accessToken"])
    found = {}
    for name, number in PEOPLE.items():
        email = "bench@example.com"
        if number is not None:
            email = f"user{number}@bench.example.com"
            admin.post(f"/v1/users/{user_id(number)}:setPassword", json={"password": PASSWORD}).ok()
        found[name] = Api(stack.base, log_in(stack.base, email, PASSWORD)["accessToken"])
    return found


def backends(stack):
    with open(os.path.join(stack.pg.data, "postmaster.pid")) as f:
        postmaster = f.readline().strip()
    return subprocess.run(["pgrep", "-P", postmaster], stdout=subprocess.PIPE, text=True).stdout.split()


def processor_ms(pids):
    """What PostgreSQL's processes have used until now: waiting for a processor or a disk, which others may be using, is not in it."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/schedstat") as f:
                total += int(f.read().split()[0])
        except OSError:
            pass
    return total / 1e6


def measure(stack, api, path, params, times):
    """Median milliseconds, and the status of the last answer if it is not 200."""
    spent = []
    for _ in range(times):
        pids = backends(stack)
        before = processor_ms(pids)
        answer = api.get(path, **params)
        spent.append(processor_ms(pids) - before)
        if answer.status != 200:
            return spent[-1], answer.status
        if sum(spent) > 3000:
            break
    return statistics.median(spent), None


def table(stack, rows, args):
    org = load(stack, rows)
    people = sign_in(stack)
    stage = next(s["id"] for s in people["administrator"].all("/v1/stages") if s["outcome"] == "OPEN")
    say(f"{rows} accounts and deals of organisation {org}; database in {stack.pg.socket_dir}")
    result = {}
    for name, (path, params) in CALLS.items():
        if args.only and not any(word in name for word in args.only.split(",")):
            continue
        params = {k: v.replace("{stage}", stage) if isinstance(v, str) else v for k, v in params.items()}
        cells = [measure(stack, api, path, params, args.times) for api in people.values()]
        result[name] = cells
        over = max(ms for ms, _ in cells) > LIMIT_MS
        shown = " / ".join(f"{status}" if status else f"{ms:.1f}" for ms, status in cells)
        say(f"{'!' if over else ' '} {name:34}{shown}")
    return result


def show(results):
    """The growth table: a row for each call, for each person the milliseconds at each size."""
    print("| call | " + " | ".join(PEOPLE) + " |\n|---|" + "---|" * len(PEOPLE))
    for name in next(iter(results.values())):
        cells = []
        for i in range(len(PEOPLE)):
            each = (results[rows][name][i] for rows in results)
            cells.append(" / ".join(str(status) if status else f"{ms:.1f}" for ms, status in each))
        print(f"| {name} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="1000000", help="numbers of accounts and deals to measure at, such as 100000,1000000")
    parser.add_argument("--times", type=int, default=11, help="calls of which the median is taken")
    parser.add_argument("--only", help="calls whose name has one of these words")
    parser.add_argument("--keep", action="store_true", help="wait for Enter before the database is removed")
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of the table")
    args = parser.parse_args()
    results = {}
    for rows in (int(n) for n in args.rows.split(",")):
        stack = BenchStack()
        stack.pg = BenchCluster(stack.dir)
        stack.start()
        try:
            begin = time.monotonic()
            results[rows] = table(stack, rows, args)
            say(f"{time.monotonic() - begin:.0f} s")
            if args.keep:
                input(f"{stack.base}, {stack.dir}: Enter ends it ")
        finally:
            wrong = stack.stop()
            if wrong:
                say(wrong)
    if args.json:
        print(json.dumps(results))
    else:
        show(results)


if __name__ == "__main__":
    sys.exit(main())

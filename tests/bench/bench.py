"""Requests per second through the gateway beside pgbench with the same SQL. See run.sh."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import requests

from lib.pg import Cluster
from lib.stack import ROOT, Stack

KINDS = ("get", "list", "create", "update")
CONNECTIONS = (1, 16, 64, 256, 1000)
CLIENTS = (1, 4, 8, 16, 64)  # of pgbench; the best of them is the yardstick
LIST = "/v1/deals?pageSize=50&filter=amount%20%3E%3D%20500000&orderBy=amount"
ID = "('00000000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid"
TICKS = os.sysconf("SC_CLK_TCK")


class BenchCluster(Cluster):
    """With the settings of deploy/: what is measured is what runs."""

    SETTINGS = {}

    def start(self):
        text = subprocess.run(["bash", "-c", f". {ROOT}/deploy/lib/database.sh; database_settings"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        path = os.path.join(self.data, "postgresql.auto.conf")
        if os.path.getsize(path) < 200:
            with open(path, "a") as f:
                f.write(text + "logging_collector = off\n")
        super().start()


class BenchStack(Stack):
    LOG_LEVEL = "info"  # the default


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- the organisation --------------------------------------------------------------------------------------------


def load(stack, rows):
    org = stack.make_org("Bench", "bench@example.com", "correct horse battery", currency="CNY")
    values = {"org": org["orgId"], "user": org["adminId"], "rows": rows}
    with open(os.path.join(ROOT, "tests/bench/load.sql")) as f:
        text = f.read()
    conn = stack.pg.connect()
    conn.cursor().execute(text, values)
    for statement in ("VACUUM ANALYZE customers.accounts", "VACUUM ANALYZE pipeline.deals", "CHECKPOINT"):
        conn.cursor().execute(statement)
    conn.close()


def token(stack):
    answer = requests.post(f"{stack.base}/v1/sessions",
                           json={"email": "bench@example.com", "password": "correct horse battery"}, timeout=10)
    answer.raise_for_status()
    return answer.json()["accessToken"]


# ---- the SQL that the services send ------------------------------------------------------------------------------


def watch_sql(stack, bearer):
    """Sends one request of each kind while the server logs statements; answers {kind: (sql, parameters)} and the
    principal's statement."""
    conn = stack.pg.connect()
    for text in ("ALTER SYSTEM SET log_min_duration_statement = 0", "SELECT pg_reload_conf()"):
        conn.cursor().execute(text)
    time.sleep(0.5)
    mark = os.path.getsize(stack.pg.log)
    headers = {"Authorization": f"Bearer {bearer}"}
    one = f"{stack.base}/v1/deals/00000000-0000-7000-8000-000000000001"
    for answer in (requests.get(one, headers=headers), requests.get(stack.base + LIST, headers=headers),
                   requests.post(f"{stack.base}/v1/deals", headers=headers, json={
                       "name": "Bench 1", "amount": "5", "expectedCloseDate": "2030-01-31"}),
                   requests.patch(one, headers=headers, json={"amount": "7"})):
        answer.raise_for_status()
    for text in ("ALTER SYSTEM RESET log_min_duration_statement", "SELECT pg_reload_conf()"):
        conn.cursor().execute(text)
    conn.close()
    time.sleep(0.5)
    with open(stack.pg.log, errors="replace") as f:
        f.seek(mark)
        log = f.read()
    seen = {}
    for sql, details in re.findall(r"execute \S+: (.*)\n(?:.*DETAIL:  parameters: (.*)\n)?", log):
        if "pipeline.deals" in sql or "set_config" in sql:
            values = dict(re.findall(r"(\$\d+) = (NULL|'(?:[^']|'')*')", details or ""))
            if "set_config" in sql and values["$1"] == "''":
                continue  # a call of nobody's, such as checking a token
            name = ("principal" if "set_config" in sql else "create" if sql.startswith("INSERT")
                    else "update" if sql.startswith("UPDATE") else "list" if "ORDER BY" in sql else "get")
            seen.setdefault(name, (sql, values))
    missing = [k for k in KINDS + ("principal",) if k not in seen]
    if missing:
        raise SystemExit(f"the server's log does not show the statement of: {', '.join(missing)}")
    return seen


def with_values(sql, values, special=None):
    """Puts the parameters into the statement; special replaces some by expressions of pgbench variables."""
    values = {**values, **(special or {})}
    return re.sub(r"\$\d+", lambda m: values[m.group(0)], sql)


def pgbench_script(kind, seen, rows):
    sql, values = seen[kind]
    principal = with_values(*seen["principal"])
    special = {}
    if kind in ("get", "update"):
        special["$2"] = ID
    if kind == "create":
        special["$2"] = "gen_random_uuid()"
    if kind in ("create", "update"):
        amount = next(k for k, v in values.items() if v in ("'5'", "'7'"))
        special[amount] = ":a::numeric"
    return (f"\\set n random(1, {rows})\n\\set a random(1, 1000000)\n\\startpipeline\n{principal};\n"
            f"{with_values(sql, values, special)};\n\\endpipeline\n")


# ---- running -----------------------------------------------------------------------------------------------------


def cpu_of(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / TICKS


def groups(stack):
    """The processes whose time is counted, by name."""
    found = {name: [p.popen.pid] for name, p in stack.processes.items()}
    with open(os.path.join(stack.pg.data, "postmaster.pid")) as f:
        postmaster = int(f.readline())
    children = subprocess.run(["pgrep", "-P", str(postmaster)], stdout=subprocess.PIPE, text=True).stdout.split()
    found["postgres"] = [postmaster] + [int(c) for c in children]
    return found


def run_wrk(stack, bearer, kind, connections, seconds, rows):
    env = {**os.environ, "BENCH_KIND": kind, "BENCH_TOKEN": bearer, "BENCH_ROWS": str(rows), "BENCH_LIST": LIST}
    watched = groups(stack)
    before = {name: cpu_of(pids) for name, pids in watched.items()}
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s",
                          os.path.join(ROOT, "tests/bench/wrk.lua"), stack.base],
                         env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
    line = json.loads(out.strip().splitlines()[-1])
    if line["errors"] or not line["requests"]:
        raise SystemExit(f"{kind} at {connections} connections: {line['errors']} errors in {line['requests']} requests")
    line["rps"] = line["requests"] / line["seconds"]
    line["cpu_us"] = {name: round((cpu_of(pids) - before[name]) / line["requests"] * 1e6, 1)
                      for name, pids in watched.items()}
    return line


def check_script(stack, script):
    """The statement must find its row; one that row-level security shows nothing would be fast for nothing."""
    text = re.sub(r"\\(set|startpipeline|endpipeline).*\n", "", script).replace(":n:", "1:").replace(":a:", "1:")
    conn = stack.pg.connect(user="sfms_pipeline")
    cursor = conn.cursor()
    cursor.execute("BEGIN; " + text)
    rows = cursor.rowcount
    cursor.execute("ROLLBACK")
    conn.close()
    if rows < 1:
        raise SystemExit(f"pgbench would measure nothing: no row from\n{text}")


def run_pgbench(stack, script, connections, seconds):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as f:
        f.write(script)
        f.flush()
        out = subprocess.run([f"{stack.pg.bin}/pgbench", "-n", "-M", "prepared", "-c", str(connections), "-j", "1", "-T",
                              str(seconds), "-f", f.name, "-h", stack.pg.socket_dir, "-p", str(stack.pg.port), "-U",
                              "sfms_pipeline", "sfms"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    rate = re.search(r"tps = ([0-9.]+)", out.stdout)
    if out.returncode != 0 or rate is None:
        raise SystemExit(f"pgbench failed:\n{out.stdout}{out.stderr}\n{script}")
    return float(rate.group(1))


def measure(stack, bearer, kind, script, args):
    """The best of ours at any number of connections to the best of pgbench at any number of clients. They take turns, so that
    both meet the same moods of the machine."""
    check_script(stack, script)
    say(f"{kind:8}{'conns':>6}{'req/s':>9}{'p50 ms':>8}{'p99 ms':>8}   CPU us a request   (pgbench: clients, tps)")
    ours, theirs = {}, {}
    for connections, clients in zip(CONNECTIONS, CLIENTS):
        run_wrk(stack, bearer, kind, connections, 1, args.rows)
        ours[connections] = line = run_wrk(stack, bearer, kind, connections, args.seconds, args.rows)
        theirs[clients] = run_pgbench(stack, script, clients, args.seconds)
        cpu = "  ".join(f"{n} {v:g}" for n, v in line["cpu_us"].items() if v >= 0.5)
        say(f"{'':8}{connections:6}{line['rps']:9.0f}{line['p50_ms']:8.2f}{line['p99_ms']:8.2f}   {cpu}"
            f"   ({clients}, {theirs[clients]:.0f})")
    best = max(ours, key=lambda c: ours[c]["rps"])
    yard = max(theirs, key=theirs.get)
    ratios = {c: round(line["rps"] / theirs[yard], 2) for c, line in ours.items()}
    say(f"{'':8}best {ours[best]['rps']:.0f} at {best} to {theirs[yard]:.0f} at {yard}: {ratios[best]:.2f}"
        + "".join(f"; at {c} {ratios[c]:.2f}, to pgbench at {c} {ours[c]['rps'] / theirs[c]:.2f}" for c in (1, 16)))
    return {"rps": round(ours[best]["rps"]), "connections": best, "p99_ms": round(ours[best]["p99_ms"], 2),
            "pgbench_tps": round(theirs[yard]), "ratio": ratios[best], "ratios": ratios, "cpu_us": ours[best]["cpu_us"]}


def memory(stack):
    """(PSS, RSS) in MB by process. PSS shares what processes have in common among them."""
    sizes = {}
    for name, process in stack.processes.items():
        with open(f"/proc/{process.popen.pid}/smaps_rollup") as f:
            text = f.read()
        sizes[name] = tuple(int(re.search(rf"^{key}:\s+(\d+) kB", text, re.M).group(1)) / 1024 for key in ("Pss", "Rss"))
    return sizes


def time_to_ready(stack):
    """Milliseconds from starting the seven processes of a warm system to 200 from /readyz."""
    for process in reversed(list(stack.processes.values())):
        process.terminate()
    begin = time.monotonic()
    for process in stack.processes.values():
        process.start()
    while not stack.ready():
        time.sleep(0.005)
    return (time.monotonic() - begin) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    parser.add_argument("--seconds", type=int, default=6, help="length of one measurement")
    parser.add_argument("--rows", type=int, default=200000, help="accounts and deals")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds to measure")
    args = parser.parse_args()
    stack = BenchStack()
    stack.pg = BenchCluster(stack.dir)
    stack.start()
    result = {}
    try:
        say(f"Loading {args.rows} accounts and {args.rows} deals …")
        load(stack, args.rows)
        result["ready_ms"] = round(time_to_ready(stack))
        time.sleep(2)
        idle = memory(stack)
        bearer = token(stack)
        seen = watch_sql(stack, bearer)
        for kind in args.only.split(","):
            result[kind] = measure(stack, bearer, kind, pgbench_script(kind, seen, args.rows), args)
        busy = memory(stack)
        say(f"{'memory':10}{'idle PSS':>9}{'idle RSS':>9}{'after PSS':>10}  MB")
        for name in idle:
            say(f"{name:10}{idle[name][0]:9.1f}{idle[name][1]:9.1f}{busy[name][0]:10.1f}")
        result["memory_mb"] = round(sum(p for p, _ in idle.values()), 1)
        result["memory_rss_mb"] = round(sum(r for _, r in idle.values()), 1)
        say(f"{'together':10}{result['memory_mb']:9.1f}{result['memory_rss_mb']:9.1f}"
            f"{sum(p for p, _ in busy.values()):10.1f}\nready after {result['ready_ms']} ms (warm)")
    finally:
        wrong = stack.stop()
        if wrong:
            say(wrong)
    if args.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()

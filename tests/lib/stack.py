"""The whole system as real processes: PostgreSQL, six services, the gateway, on sockets of their own."""
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import requests

from lib.pg import Cluster

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("SFMS_BUILD", os.path.join(ROOT, "build-tests")))
SERVICES = ("identity", "customers", "pipeline", "activities", "analytics", "exchange")

# What a sanitizer, an assertion or an answer of INTERNAL leaves in a log.
TROUBLE = re.compile(r"(ERROR: (Address|Leak|Thread|Memory)Sanitizer|runtime error: |SUMMARY: \w+Sanitizer"
                     r"|Assertion .* failed|AddressSanitizer:DEADLYSIGNAL|^\S+ ERROR )", re.MULTILINE)


_reserved = []


def free_port():
    """A port that stays ours until this Python ends, also while the process that listens there is started again. Our processes
    listen with SO_REUSEADDR and so get it; the kernel gives a port that is bound to nobody else, neither to listen nor to
    connect from."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _reserved.append(s)
    return s.getsockname()[1]


def wait_until(what, condition, seconds=20.0, step=0.02):
    """Answers the first true value of condition(); fails the test with a sentence if it takes too long."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(step)


class Process:
    """One process of the system and its log."""

    def __init__(self, name, argv, env, log):
        self.name, self.argv, self.env, self.log = name, argv, env, log
        self.popen = None
        self.read_to = 0

    def start(self):
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen(self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def kill(self):
        """kill -9."""
        self.popen.kill()
        self.popen.wait()

    def terminate(self, seconds=30):
        """SIGTERM; answers the exit status once it has drained."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(seconds)

    def text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def new_trouble(self):
        """What sanitizers, or lines of level ERROR, have said since the last time somebody asked; "" if nothing."""
        with open(self.log, errors="replace") as f:
            f.seek(self.read_to)
            text = f.read()
            self.read_to = f.tell()
        hit = TROUBLE.search(text)
        return f"{self.name}: {text[max(0, hit.start() - 200):hit.start() + 4000]}" if hit else ""


class Stack:
    """Everything, started and ready. Each instance is independent of all others.

    replicas={"customers": 2} starts a second process of that service, known as "customers-2". build is the directory of its
    binaries. Other arguments are added to the environment.
    """

    LOG_LEVEL = "debug"

    def __init__(self, replicas=None, build=BUILD, **settings):
        self.replicas, self.build, self.settings = replicas or {}, build, settings
        self.dir = tempfile.mkdtemp(prefix="sfms-", dir=os.environ.get("SFMS_TEST_TMP", "/tmp"))
        self.pg = Cluster(self.dir)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.secret = secrets.token_urlsafe(48)
        self.processes = {}
        self.org_count = 0

    # ---- start and stop ----------------------------------------------------------------------------------------

    def start(self):
        self.pg.create()
        run = os.path.join(self.dir, "run")
        os.makedirs(run)
        self.sockets = {name: os.path.join(run, f"{name}.ipc") for s in SERVICES for name in self.names(s)}
        self.env = self._environment()
        self.token_key = self.ctl("keygen", "token").strip()
        self.env["SFMS_TOKEN_KEY"] = self.token_key
        self.prepare()
        self.ctl("migrate")
        for service in SERVICES:
            for name in self.names(service):
                self.add(name, f"sfms-{service}", SFMS_LISTEN=self.address(name), **self.own_settings(service))
        self.add("gateway", "sfms-gateway")
        for process in self.processes.values():
            process.start()
        self.wait_ready(60)
        return self

    def prepare(self):
        """What is to be done with the server before the first migration: nothing, where its superuser is the owner of all."""

    def own_settings(self, service):
        """What the processes of this service alone get in their environment."""
        return {}

    def names(self, service):
        """The processes of a service."""
        return [service] + [f"{service}-{i}" for i in range(2, self.replicas.get(service, 1) + 1)]

    def address(self, name):
        """Where a process listens."""
        return f"ipc://{self.sockets[name]}"

    def _environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("SFMS_")}
        env.update({
            "SFMS_SERVICES": ",".join(f"{s}=" + "|".join(self.address(n) for n in self.names(s)) for s in SERVICES),
            "SFMS_SECRET": self.secret,
            "SFMS_DATABASE_URL": self.pg.url(),
            "SFMS_HTTP_HOST": "127.0.0.1",
            "SFMS_PORT": str(self.port),
            "SFMS_LOG_LEVEL": self.LOG_LEVEL,
            "SFMS_CORS_ORIGINS": "https://app.example.com",
            "SFMS_CORS_HEADERS": "X-App-Version,X-App-Build",
            "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:exitcode=99",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "LSAN_OPTIONS": f"suppressions={ROOT}/tests/lib/lsan.supp:print_suppressions=0",
        })
        env.update(self.settings)
        return env

    def add(self, name, program, **env):
        """Makes a process known; it is not started yet. env adds to the environment."""
        process = Process(name, [os.path.join(self.build, program)], {**self.env, **env},
                          os.path.join(self.dir, f"{name}.log"))
        self.processes[name] = process
        return process

    def __getitem__(self, name):
        return self.processes[name]

    def ready(self):
        """All services answer."""
        try:
            answer = requests.get(f"{self.base}/readyz", timeout=2)
            return answer.status_code == 200 and not answer.json()["degraded"]
        except requests.RequestException:
            return False

    def wait_ready(self, seconds=20):
        def settled():
            dead = [p.name for p in self.processes.values() if not p.alive()]
            if dead:
                raise AssertionError(f"{dead[0]} has ended while starting:\n{self[dead[0]].text()[-4000:]}")
            return self.ready()
        wait_until(f"{self.base}/readyz", settled, seconds)

    def stop(self):
        """Ends everything and removes the directory. Answers what went wrong on the way, as text."""
        wrong = []
        for process in reversed(list(self.processes.values())):
            if process.alive():
                try:
                    status = process.terminate()
                    if status != 0:
                        wrong.append(f"{process.name} ended with status {status} on SIGTERM")
                except subprocess.TimeoutExpired:
                    process.kill()
                    wrong.append(f"{process.name} did not end within 30 s of SIGTERM")
            wrong.append(process.new_trouble())
        self.pg.stop("immediate")
        wrong = "\n".join(w for w in wrong if w)
        if os.environ.get("SFMS_TEST_KEEP") or wrong:
            print(f"\nlogs are kept in {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        return wrong

    # ---- what tests ask ----------------------------------------------------------------------------------------

    def ctl(self, *args, stdin=None, check=True, **env):
        """Runs sfmsctl and answers what it printed; the CompletedProcess instead if check is False."""
        done = subprocess.run([os.path.join(self.build, "sfmsctl"), *args], input=stdin, text=True, timeout=120,
                              env={**self.env, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if not check:
            return done
        if done.returncode != 0:
            raise AssertionError(f"sfmsctl {' '.join(args)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def make_org(self, name, email, password, **options):
        """Makes an organisation with its first admin; answers {"orgId", "adminId"}."""
        args = ["org", "create", "--name", name, "--admin-email", email, "--admin-password-file", "-"]
        for key, value in options.items():
            args += [f"--{key.replace('_', '-')}", value]
        return json.loads(self.ctl(*args, stdin=password))

    def sql(self, text, *values, user="owner"):
        """Runs one statement as the owner of the database and answers its rows as tuples."""
        with_user = self.pg.connect(user=user)
        try:
            cursor = with_user.cursor()
            cursor.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []
        finally:
            with_user.close()

    def new_trouble(self):
        return "\n".join(filter(None, (p.new_trouble() for p in self.processes.values())))

    def dead(self):
        """Names of processes that ought to run and do not."""
        return [p.name for p in self.processes.values() if not p.alive()]

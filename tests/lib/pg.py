"""A private PostgreSQL cluster in a directory of its own, reached over a Unix socket only."""
import glob
import os
import shutil
import signal
import subprocess
import time

import psycopg2


def bin_dir():
    """The newest PostgreSQL server on this machine."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    if not found:
        raise RuntimeError("no PostgreSQL server under /usr/lib/postgresql: apt-get install postgresql")
    return found[-1]


class Cluster:
    """initdb, start, stop, restart. The server refuses to run as root, so root hands it to user postgres."""

    # Nothing here outlives a power cut, so fsync is off; a killed server still recovers every commit from its log.
    SETTINGS = {
        "listen_addresses": "", "fsync": "off", "full_page_writes": "off", "synchronous_commit": "on",
        "max_connections": "120", "shared_buffers": "128MB", "log_min_messages": "warning",
        "timezone": "UTC", "log_statement": "none", "max_wal_size": "2GB",
    }

    def __init__(self, directory):
        self.dir = directory
        self.socket_dir = os.path.join(directory, "pg")
        self.data = os.path.join(self.socket_dir, "data")
        self.log = os.path.join(self.socket_dir, "postgres.log")
        self.port = 5432
        self.bin = bin_dir()

    def _run(self, *argv, check=True):
        argv = list(argv)
        if os.geteuid() == 0:
            argv = ["runuser", "-u", "postgres", "--"] + argv
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)} failed:\n{done.stdout}")
        return done

    def create(self):
        os.makedirs(self.socket_dir, exist_ok=True)
        os.chmod(self.dir, 0o755)
        if os.geteuid() == 0:
            shutil.chown(self.socket_dir, "postgres", "postgres")
        self._run(f"{self.bin}/initdb", "-D", self.data, "-U", "owner", "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync")
        self.start()
        conn = self.connect("postgres")
        conn.cursor().execute("CREATE DATABASE sfms")
        conn.close()

    def start(self, check=True):
        options = " ".join(f"-c {name}={value}" for name, value in self.SETTINGS.items() if value)
        options += f" -c listen_addresses= -c unix_socket_directories={self.socket_dir} -p {self.port}"
        self._run(f"{self.bin}/pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "60", "-s", "-o", options, "start",
                  check=check)

    def stop(self, mode="fast"):
        self._run(f"{self.bin}/pg_ctl", "-D", self.data, "-w", "-s", "-m", mode, "stop", check=False)

    def restart(self, mode="immediate", pause=0.0):
        """Stops and starts it. Mode immediate is a crash: what was committed must come back from the log."""
        self.stop(mode)
        time.sleep(pause)
        self.start()

    def runs(self):
        return self._run(f"{self.bin}/pg_ctl", "-D", self.data, "status", check=False).returncode == 0

    def processes(self):
        """The server's processes, the one that starts the others first; none if it does not run."""
        try:
            with open(os.path.join(self.data, "postmaster.pid")) as f:
                first = int(f.readline())
            with open(f"/proc/{first}/task/{first}/children") as f:
                return [first] + [int(pid) for pid in f.read().split()]
        except FileNotFoundError:
            return []

    def pause(self):
        """All of it stops where it is and says nothing, as a host that hangs."""
        for _ in range(2):  # what the first has started meanwhile, too
            for pid in self.processes():
                os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in reversed(self.processes()):
            os.kill(pid, signal.SIGCONT)

    @property
    def socket(self):
        return os.path.join(self.socket_dir, f".s.PGSQL.{self.port}")

    def url(self, user="owner", database="sfms"):
        return f"postgresql://{user}@/{database}?host={self.socket_dir}&port={self.port}"

    def connect(self, database="sfms", user="owner"):
        """A psycopg2 connection in autocommit mode."""
        conn = psycopg2.connect(host=self.socket_dir, port=self.port, user=user, dbname=database)
        conn.autocommit = True
        return conn

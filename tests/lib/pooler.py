"""PgBouncer in transaction mode between the services and the private PostgreSQL."""
import os
import shutil
import socket
import subprocess

import pytest

from lib.stack import wait_until

SERVER_CONNECTIONS = 4


class Pooler:
    """Each client has a session of the server only for a transaction, and there are fewer sessions than clients."""

    def __init__(self, directory, pg):
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        if not os.path.exists(program):
            pytest.skip("NOT TESTED: PgBouncer, which is not installed: apt-get install pgbouncer")
        os.makedirs(directory)
        self.directory, self.pg = directory, pg
        self.log = os.path.join(directory, "pgbouncer.log")
        self.port = 6432
        config = os.path.join(directory, "pgbouncer.ini")
        users = os.path.join(directory, "users.txt")
        with open(users, "w") as f:
            f.write('"owner" ""\n' + "".join(f'"sfms_{s}" ""\n' for s in ("identity", "customers", "pipeline", "activities", "analytics", "exchange")))
        with open(config, "w") as f:
            f.write(f"""[databases]
sfms = host={pg.socket_dir} port={pg.port} dbname=sfms
[pgbouncer]
listen_addr =
listen_port = {self.port}
unix_socket_dir = {directory}
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
max_client_conn = 200
logfile = {self.log}
admin_users = owner
""")
        argv = [program, config]
        if os.geteuid() == 0:  # it refuses to be root
            for path in (directory, config, users):
                shutil.chown(path, "postgres", "postgres")
            argv = ["runuser", "-u", "postgres", "--"] + argv
        self.popen = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until("PgBouncer listens", self._listens)

    def _listens(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(os.path.join(self.directory, f".s.PGSQL.{self.port}")) == 0

    def url(self, user="owner"):
        return f"postgresql://{user}@/sfms?host={self.directory}&port={self.port}"

    def stop(self):
        self.popen.terminate()
        self.popen.wait(10)

"""Secrets are changed while everything runs, under load: nobody notices."""
import base64
import json
import os
import secrets
import time

import pytest

from fault_helpers import load_on
from lib.api import Api
from lib.org import Org
from lib.stack import SERVICES, Stack, wait_until

HBA = """local all owner trust
local all all scram-sha-256
"""
WITHIN = 10.0


class Filed(Stack):
    """All secrets are in files, and each service has a database password of its own."""

    def prepare(self):
        with open(os.path.join(self.pg.data, "pg_hba.conf"), "w") as f:
            f.write(HBA)
        self.sql("SELECT pg_reload_conf()")
        os.makedirs(os.path.join(self.dir, "secrets"))
        self.put("wire", self.env.pop("SFMS_SECRET"))
        self.put("token", self.env.pop("SFMS_TOKEN_KEY"))
        self.env["SFMS_SECRET_FILE"], self.env["SFMS_TOKEN_KEY_FILE"] = self.file("wire"), self.file("token")
        for service in SERVICES:
            self.put(service, secrets.token_hex(16))
            self.env[f"SFMS_DATABASE_PASSWORD_{service.upper()}_FILE"] = self.file(service)

    def own_settings(self, service):
        env = {"SFMS_DATABASE_URL": self.pg.url("nobody"), "SFMS_DATABASE_PASSWORD_FILE": self.file(service)}
        return {**env, **{f"SFMS_DATABASE_PASSWORD_{s.upper()}_FILE": "" for s in SERVICES}}

    def file(self, name):
        return os.path.join(self.dir, "secrets", name)

    def read(self, name):
        with open(self.file(name)) as f:
            return f.read().strip()

    def put(self, name, text):
        with open(self.file(name) + ".new", "w") as f:
            f.write(text + "\n")
        os.rename(self.file(name) + ".new", self.file(name))

    def change(self, name, option, text, processes):
        """Writes a secret, and waits until all these have taken it."""
        def times():
            return [self[p].text().count(f"{option} is as its file has it now") for p in processes]
        before = times()
        self.put(name, text)
        wait_until(f"{option} is taken by {processes}", lambda: all(n > b for n, b in zip(times(), before)), WITHIN)


@pytest.fixture(scope="module")
def own_stack():
    stack = Filed()
    try:
        stack.start()
        yield stack
    finally:
        wrong = stack.stop()
    assert not wrong, wrong


@pytest.fixture(scope="module")
def filed(own_stack):
    return Org(own_stack)


def nothing_failed(load):
    load.check_answers()
    assert not load.failures(), load.failures()[:5]


def test_the_secret_of_the_wire(own_stack, filed):
    old, new = own_stack.read("wire"), secrets.token_urlsafe(32)
    everybody = (*SERVICES, "gateway")
    for i in range(4):
        filed.api.post("/v1/accounts", json={"name": f"Page {i}"}).ok(201)
    token = filed.api.get("/v1/accounts", pageSize=2).ok()["nextPageToken"]
    with load_on("customers", filed) as load, load_on("identity", filed) as other:
        for lines in (f"{old}\n{new}", f"{new}\n{old}"):
            own_stack.change("wire", "SFMS_SECRET", lines, everybody)
            filed.api.get("/v1/accounts", pageSize=2, pageToken=token).ok()
        own_stack.change("wire", "SFMS_SECRET", new, everybody)
        time.sleep(1)  # of load
    nothing_failed(load)
    nothing_failed(other)
    assert own_stack.ctl("health", check=False).returncode == 0
    done = own_stack.ctl("health", check=False, SFMS_SECRET_FILE="", SFMS_SECRET=old)
    assert done.returncode != 0
    filed.api.get("/v1/accounts", pageSize=2, pageToken=token).fails(400, "BAD_PAGE_TOKEN")


def test_a_file_that_is_no_good_changes_nothing(own_stack, filed):
    good = own_stack.read("wire")
    own_stack.put("wire", "short")
    wait_until("the gateway says so", lambda: "SFMS_SECRET stays as it was" in own_stack["gateway"].text(), WITHIN)
    filed.api.get("/v1/accounts").ok()
    own_stack.change("wire", "SFMS_SECRET", good, (*SERVICES, "gateway"))
    filed.api.get("/v1/accounts").ok()


def kid_of(token):
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]


def test_the_key_of_access_tokens(own_stack, filed):
    old, new = json.loads(own_stack.read("token")), json.loads(own_stack.ctl("keygen", "token"))
    before = filed.person("Rep")
    with load_on("customers", filed) as load:
        for keys in ([old, new], [new, old]):
            own_stack.change("token", "SFMS_TOKEN_KEY", json.dumps({"keys": keys}), ["identity"])
            published = filed.api.get("/.well-known/jwks.json").ok()["keys"]
            assert [k["kid"] for k in published] == [k["kid"] for k in keys]
            assert kid_of(filed.person("Rep").api.token) == keys[0]["kid"]
        Api(own_stack.base, before.api.token).get("/v1/me").ok()
    nothing_failed(load)
    own_stack.change("token", "SFMS_TOKEN_KEY", json.dumps(new), ["identity"])
    stranger = before.api.token
    wait_until("tokens of the old key are none", lambda: Api(own_stack.base, stranger).get("/v1/me").status == 401, 15)
    own_stack.change("token", "SFMS_TOKEN_KEY", json.dumps({"keys": [new, old]}), ["identity"])
    wait_until("and are again", lambda: filed.api.get("/v1/me").status == 200, 15)


def test_passwords_of_the_database(own_stack, filed):
    with load_on("customers", filed) as load:
        for service in SERVICES:
            own_stack.put(service, secrets.token_hex(16))
        own_stack.ctl("migrate")
        time.sleep(1)  # of load
    nothing_failed(load)
    own_stack.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'sfms_%%'")
    wait_until("all have connected with the new ones", own_stack.ready, 15)
    filed.api.post("/v1/accounts", json={"name": "With the new password"}).ok(201)


def test_sighup_has_all_read_again(own_stack, filed):
    before = own_stack["pipeline"].text().count("SFMS_SECRET is as its file has it now")
    own_stack["pipeline"].popen.send_signal(1)
    wait_until("it is", lambda: own_stack["pipeline"].text().count("SFMS_SECRET is as its file has it now") > before, WITHIN)
    assert own_stack["pipeline"].alive()
    filed.api.get("/v1/deals").ok()

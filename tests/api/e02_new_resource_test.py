"""A new resource, added as README.md says: one proto file and one migration, and no C."""
import glob
import os
import re
import shutil
import subprocess

import pytest

from lib.org import Org
from lib.stack import ROOT, Stack

PROTO = "proto/sfms/customers/v1/competitors.proto"
FIELDS = '''
  // Its name.
  string name = 20 [(sfms.api.v1.field) = {label: {en: "Name" zh: "名称"} required: true, sortable: true}];
  // Its web site.
  string website = 21 [(sfms.api.v1.field) = {label: {en: "Web site" zh: "网址"} format: URL}];
}

// Which competitor'''


def new_proto():
    """accounts.proto, that says competitor, with fields of its own from 20 on."""
    text = open(os.path.join(ROOT, "proto/sfms/customers/v1/accounts.proto"), encoding="utf-8").read()
    text = text.replace("Account", "Competitor").replace("account", "competitor")
    at = text.index("  // Name of the company.")
    return text[:at].rstrip() + "\n" + FIELDS + text[text.index(" to change, and how."):]


def new_migration():
    """What README.md has, and its name with the next free number."""
    text = open(os.path.join(ROOT, "README.md"), encoding="utf-8").read()
    folder, sql = re.search(r"`(\S+)/\d+_competitors\.sql`.*?```sql\n(.*?)```", text, re.DOTALL).groups()
    last = max(int(os.path.basename(f)[:4]) for f in glob.glob(f"{ROOT}/*/*/schema/*.sql"))
    return f"{folder}/{last + 1:04}_competitors.sql", re.sub(r"^   ", "", sql, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A copy of this tree with the two files, built."""
    copy = str(tmp_path_factory.mktemp("copy"))
    for name in ("proto", "common", "services", "deploy"):
        shutil.copytree(os.path.join(ROOT, name), os.path.join(copy, name))
    shutil.copy(os.path.join(ROOT, "CMakeLists.txt"), copy)
    for name, text in ((PROTO, new_proto()), new_migration()):
        assert not os.path.exists(os.path.join(copy, name))
        with open(os.path.join(copy, name), "w", encoding="utf-8") as f:
            f.write(text)
    launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    env = {**os.environ, "CCACHE_BASEDIR": copy, "CCACHE_NOHASHDIR": "1"}
    for command in (["cmake", "-S", copy, "-B", f"{copy}/build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_C_FLAGS=-O1", "-DSFMS_SANITIZE=undefined",
                     *launcher], ["ninja", "-C", f"{copy}/build"]):
        done = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout[-3000:]
    yield f"{copy}/build"
    shutil.rmtree(copy)


@pytest.fixture(scope="module")
def own_stack(build):
    stack = Stack(build=build)
    try:
        yield stack.start()
    finally:
        wrong = stack.stop()
    assert not wrong, wrong


def test_a_message_and_a_table_are_a_resource(own_stack):
    org = Org(own_stack)
    made = org.api.post("/v1/competitors", json={"name": "云帆", "website": "https://cloud.example"}).ok(201)
    path = f"/v1/competitors/{made['id']}"
    assert made["ownerId"] == org.admin.id and org.api.get(path).ok() == made
    assert org.api.patch(path, json={"name": "Cloudy"}).ok()["version"] == "2"
    org.api.post("/v1/competitors", json={"name": "X", "website": "nowhere"}).fails(400, "INVALID_FIELDS", "/website")
    org.api.post("/v1/competitors", json={}).fails(400, "INVALID_FIELDS", "/name", "REQUIRED")
    assert [c["name"] for c in org.api.all("/v1/competitors", search="loud", orderBy="name", filter='name != "x"')] == ["Cloudy"]
    keyed = {"externalId": "7", "name": "Another"}
    other = org.api.post("/v1/competitors:upsert", json=keyed).ok(201)
    assert org.api.post("/v1/competitors:upsert", json=keyed).ok(200)["id"] == other["id"]
    org.api.delete(path).ok()
    assert [c["id"] for c in org.api.all("/v1/competitors")] == [other["id"]]
    org.api.post(f"{path}:undelete").ok()
    history = org.api.get(f"{path}/history").ok()["events"]
    assert {e["action"] for e in history} == {"CREATED", "UPDATED", "DELETED", "UNDELETED"}
    assert {c["id"] for c in org.api.get("/v1/competitors:batchGet", ids=other["id"]).ok()["competitors"]} == {other["id"]}


def test_its_rights_are_those_of_its_contract(own_stack):
    org = Org(own_stack)
    path = f"/v1/competitors/{org.api.post('/v1/competitors', json={'name': 'A'}).ok()['id']}"
    org.person("Rep").api.get(path).fails(404, "NOT_FOUND")         # sees his own
    viewer = org.person("Viewer").api
    viewer.get(path).ok()
    viewer.patch(path, json={"name": "B"}).fails(403, "NO_PERMISSION")
    Org(own_stack).api.get(path).fails(404, "NOT_FOUND")

"""Organisations and the people in them, each with a client of their own."""
import itertools

from lib.api import Api
from lib.make import Maker

PASSWORD = "correct horse 电池"
# Custom fields that every collection of a test's organisation has, of any shape. Without them: Org(stack, keys=()).
KEYS = ["a", "b", "c", "d", "o", "l", "n", "t", "x", "ok", "list", "other", "note", "new", "键", "预算", "a b", "a.b", "a, b", "my key", "级别", "tier",
        "budget", "size", "reason", "source", "year", "tag", "key", "vip", "sum", "day", "mine", "erpRegion", "mailId", "k0", "k1", "k2", "blank", "long",
        "exact", "words"]
_numbers = itertools.count(1)


class Person:
    """A user who has signed in."""

    def __init__(self, id, email, api, session):
        self.id, self.email, self.api, self.session = id, email, api, session


def log_in(base, email, password=PASSWORD, **more):
    """Signs in and answers the pair of tokens."""
    return Api(base).post("/v1/sessions", json={"email": email, "password": password, **more}).ok()


class Org:
    """A fresh organisation with its admin, and helpers to fill it with people."""

    def __init__(self, stack, name=None, keys=None, **options):
        n = next(_numbers)
        self.stack, self.base = stack, stack.base
        self.name = name or f"Org {n}"
        email = f"admin{n}@org{n}.example.com"
        made = stack.make_org(self.name, email, PASSWORD, **options)
        self.id = made["orgId"]
        self.allow(*KEYS if keys is None else keys)
        self.admin = self._person(made["adminId"], email)
        self.api = self.admin.api
        self.make = Maker(self.api, self)
        self._roles = None

    def _person(self, id, email):
        session = log_in(self.base, email)
        api = Api(self.base, session["accessToken"])
        api.org = self
        return Person(id, email, api, session)

    def role(self, name):
        """The id of a role by its name, e.g. "Rep"."""
        if self._roles is None or name not in self._roles:
            self._roles = {r["name"]: r["id"] for r in self.api.all("/v1/roles")}
        return self._roles[name]

    def new_role(self, name, permissions, visibility="ORG"):
        return self.api.post("/v1/roles", json={"name": name, "permissions": permissions, "visibility": visibility}).ok()

    def person(self, role="Rep", team=None, name=None):
        """Makes a user with a role (by name) and a team (by id), and signs in."""
        n = next(_numbers)
        email = f"user{n}@example.com"
        body = {"displayName": name or f"Person {n}", "email": email, "roleId": self.role(role)}
        if team:
            body["teamId"] = team
        user = self.api.post("/v1/users", json=body).ok()
        self.api.post(f"/v1/users/{user['id']}:setPassword", json={"password": PASSWORD}).ok()
        return self._person(user["id"], email)

    def allow(self, *names):
        """Gives every collection a custom field of each of these names that takes JSON of any shape."""
        self.stack.sql("SET session_replication_role = replica;"  # nobody is told: tests look at what they do themselves
                       " INSERT INTO identity.fields (org_id, id, collection, name, label, type)"
                       " SELECT %s, gen_random_uuid(), r.name, n, '{}', 'JSON' FROM app.resources r, unnest(%s::text[]) n ON CONFLICT DO NOTHING;"
                       " INSERT INTO identity.shapes AS s VALUES (%s, 2) ON CONFLICT (org_id) DO UPDATE SET version = s.version + 1",
                       self.id, list(names), self.id)

    def team(self, name, parent=None, manager=None):
        """Makes a team and answers its id."""
        body = {"name": name}
        if parent:
            body["parentId"] = parent
        if manager:
            body["managerId"] = manager
        return self.api.post("/v1/teams", json=body).ok()["id"]

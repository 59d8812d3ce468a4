"""Every method that counts tries goes on counting, whatever headers there are, and however its transaction ends."""
import itertools
import uuid

import pytest

from lib.at_once import at_once
from lib.contract import contract, json_name, methods
from lib.org import PASSWORD

LIMIT = 5
_numbers = itertools.count(1)


def fresh_key(n):
    return {"Idempotency-Key": f"try-{n}-{uuid.uuid4()}"}


HEADERS = {
    "without a key": lambda n: {},
    "with a fresh key each": fresh_key,
    "with one key": lambda n: {"Idempotency-Key": "the-same"},
    "through a proxy that nobody trusts": lambda n: {"X-Forwarded-For": "203.0.113.5", "Forwarded": "for=203.0.113.5"},
    "with a key through such a proxy": lambda n: {**fresh_key(n), "X-Forwarded-For": "203.0.113.6"},
}


def guess(method, person, n):
    """A well-formed request about the person with a secret that is wrong."""
    body = {"password": "a new password 密码", "email": person.email, "currentPassword": f"wrong guess {n}"}
    if "current_password" not in method.input.fields_by_name:
        body["password"] = f"wrong guess {n}"
    names = [json_name(f) for f in method.body_message.fields]
    return {k: v for k, v in body.items() if k in names}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
@methods(lambda m: m.rule.counts_tries)
def test_tries_stay_counted(method, headers, walk, org):
    person = org.person("Rep")
    caller = person.api.without_token() if method.rule.public else person.api
    path = walk.path(method, person.id)
    statuses = [caller.call(method.route.verb, path, json=guess(method, person, n), headers=headers(n)).status
                for n in range(LIMIT + 3)]
    assert all(s in (401, 403) for s in statuses[:LIMIT]), statuses
    assert statuses[LIMIT:] == 3 * [429], statuses


@methods(lambda m: m.rule.counts_tries)
def test_at_once_no_more_get_through(method, walk, org):
    """The try is counted before it is made: many at the same time are not more tries."""
    person = org.person("Rep")
    path = walk.path(method, person.id)

    def one(n):
        caller = person.api.without_token() if method.rule.public else person.api
        return caller.call(method.route.verb, path, json=guess(method, person, n), headers=fresh_key(n)).status

    statuses = at_once(12, one)
    assert sum(s != 429 for s in statuses) == LIMIT, statuses


def test_the_walk_knows_each_method_that_takes_a_password():
    """A method with a password among its arguments that only the owner knows says that it counts."""
    for m in contract().routed:
        secrets = {f.name for f in m.input.fields if contract().rule(f).secret and "password" in f.name}
        assert not secrets or m.rule.counts_tries, m.name


def test_a_right_password_is_set_once_under_a_key(org):
    """What is checked before the transaction is not checked again for an answer that is there already."""
    person = org.person("Rep")
    body = {"password": "a new password 密码", "currentPassword": PASSWORD}
    path = f"/v1/users/{person.id}:setPassword"
    first = person.api.post(path, json=body, headers={"Idempotency-Key": "set-it"})
    again = person.api.post(path, json=body, headers={"Idempotency-Key": "set-it"})
    assert first.ok() == again.ok(), "the same answer, though the current password is another now"
    person.api.post(path, json={**body, "password": "yet another 密码"}, headers={"Idempotency-Key": "set-it"}).fails(422)

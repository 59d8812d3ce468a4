"""What is deleted gets nothing new, also at the same instant: for every field that points to another collection."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.api import Api
from lib.contract import contract, json_name

ROUNDS = 12


def pairs():
    """(collection, field, target) for each reference of a record that can be made to a record that can be made and deleted."""
    targets = contract().collections("CREATE", "DELETE")
    return [(collection, json_name(field), contract().rule(field).references)
            for collection in contract().collections("CREATE")
            for field in contract().writable(contract().resources[collection])
            if contract().rule(field).references in targets and field.label != field.LABEL_REPEATED]


each_pair = pytest.mark.parametrize("collection, field, target", pairs(), ids=lambda v: v)


def at_once(*calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(call) for call in calls]]


def succeeded(answer):
    assert answer.status < 500, str(answer)
    return answer.status < 300


class Collections:
    def __init__(self, org):
        self.org, self.make = org, org.make

    def api(self):
        return Api(self.org.base, self.org.api.token)

    def new(self, target, **given):
        return self.make.create(target, **given)["id"]

    def delete(self, target, id):
        return lambda: self.api().delete(f"/v1/{target}/{id}")

    def create(self, collection, body):
        return lambda: self.api().post(f"/v1/{collection}", json=body)

    def patch(self, collection, id, body):
        return lambda: self.api().patch(f"/v1/{collection}/{id}", body)

    def is_deleted(self, collection, id):
        return self.org.api.get(f"/v1/{collection}/{id}").ok()["deleteTime"] is not None

    def keeps_its_users(self, collection, field, target):
        """Whether a record that is pointed to is not deleted, or takes what points to it with it."""
        id = self.new(target)
        child = self.new(collection, **{field: id})
        if not succeeded(self.delete(target, id)()):
            return True
        return self.is_deleted(collection, child)


@pytest.fixture(scope="module")
def all_of(org):
    return Collections(org)


@each_pair
def test_nothing_new_points_to_a_deleted_record(collection, field, target, all_of):
    id = all_of.new(target)
    body = all_of.make.body(collection, **{field: id})
    all_of.delete(target, id)().ok()
    all_of.create(collection, body)().fails(400, "INVALID_FIELDS", f"/{field}")


@each_pair
def test_a_create_at_the_instant_of_the_deletion(collection, field, target, all_of):
    if not all_of.keeps_its_users(collection, field, target):
        pytest.skip("a record that is pointed to may be deleted: both may succeed")
    both = 0
    for _ in range(ROUNDS):
        id = all_of.new(target)
        body = all_of.make.body(collection, **{field: id})
        deleted, created = at_once(all_of.delete(target, id), all_of.create(collection, body))
        both += succeeded(deleted) and succeeded(created) and not all_of.is_deleted(collection, created.json()["id"])
    assert both == 0, f"in {both} of {ROUNDS} rounds {target} were deleted and got {collection}"


@each_pair
def test_an_update_at_the_instant_of_the_deletion(collection, field, target, all_of):
    if not all_of.keeps_its_users(collection, field, target):
        pytest.skip("a record that is pointed to may be deleted: both may succeed")
    both = 0
    for _ in range(ROUNDS):
        id, child = all_of.new(target), all_of.new(collection)
        deleted, changed = at_once(all_of.delete(target, id), all_of.patch(collection, child, {field: id}))
        both += succeeded(deleted) and succeeded(changed)
    assert both == 0, f"in {both} of {ROUNDS} rounds {target} were deleted and got {collection}"


@pytest.mark.parametrize("target, collection, field", [("stages", "deals", "stageId"), ("processes", "stages", "processId"),
                                                       ("teams", "users", "teamId"), ("roles", "users", "roleId")])
def test_what_comes_back_at_the_instant_of_the_deletion(target, collection, field, all_of):
    for _ in range(ROUNDS):
        id = all_of.new(target)
        child = all_of.new(collection, **{field: id})
        all_of.delete(collection, child)().ok()
        deleted, back = at_once(all_of.delete(target, id), lambda: all_of.api().post(f"/v1/{collection}/{child}:undelete"))
        assert not (succeeded(deleted) and succeeded(back)) or all_of.is_deleted(collection, child)


def test_a_move_at_the_instant_of_the_deletion(all_of, api):
    for _ in range(ROUNDS):
        deal = api.post("/v1/deals", json={"name": "On its way"}).ok()
        stage = all_of.new("stages", processId=deal["processId"])
        deleted, moved = at_once(all_of.delete("stages", stage),
                                 lambda: all_of.api().post(f"/v1/deals/{deal['id']}:move", json={"stageId": stage}))
        assert succeeded(deleted) != succeeded(moved), f"{deleted}\n{moved}"

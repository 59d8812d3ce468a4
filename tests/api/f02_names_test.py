"""names=true and access=true: what an answer refers to by the names that people know, and what the caller may do with each record."""
import pytest

from lib.contract import contract, json_name
from lib.org import Org
from lib.records import Records

LISTED = contract().collections("LIST", "GET")
NAMED = [c for c in LISTED if any(contract().rule(f).references for f in contract().resources[c].fields)]


@pytest.fixture(scope="module")
def house(stack):
    """A manager with a rep in his team, and another rep who is nobody's."""
    class House:
        org = Org(stack)
        api = org.api
        manager = org.person("Manager", name="Mei")
        team = org.team("North", manager=manager.id)
        ann = org.person("Rep", team, name="Ann")
        bob = org.person("Rep", name="Bob")
    return House


def test_a_board_in_one_request(house):
    api = house.ann.api
    account = api.post("/v1/accounts", json={"name": "云帆科技"}).ok(201)["id"]
    deals = [api.post("/v1/deals", json={"name": f"Deal {i}", "accountId": account}).ok(201) for i in range(3)]
    page = api.get("/v1/deals", names=True, filter=f'accountId = "{account}"').ok()
    assert len(page["deals"]) == 3
    names = page["names"]
    assert names[account] == {"collection": "accounts", "name": "云帆科技", "deleted": False}
    assert names[house.ann.id] == {"collection": "users", "name": "Ann", "deleted": False}
    assert names[deals[0]["stageId"]]["collection"] == "stages" and names[deals[0]["processId"]]["collection"] == "processes"
    assert all("names" not in deal for deal in page["deals"])
    one = api.get(f"/v1/deals/{deals[0]['id']}", names=True).ok()
    assert one["names"] == names
    some = api.get("/v1/deals:batchGet", ids=deals[0]["id"], names=True).ok()
    assert some["names"] == names and some["deals"][0]["id"] == deals[0]["id"]


def test_nothing_that_was_not_asked_for(house):
    deal = house.api.post("/v1/deals", json={"name": "Plain"}).ok(201)
    assert not {"names", "allowed"} & set(deal)
    assert not {"names", "allowed"} & set(house.api.get(f"/v1/deals/{deal['id']}").ok())
    page = house.api.get("/v1/deals").ok()
    assert "names" not in page and not any({"names", "allowed"} & set(d) for d in page["deals"])


def test_what_is_deleted_has_its_name(house):
    account = house.api.post("/v1/accounts", json={"name": "Gone Ltd"}).ok(201)["id"]
    deal = house.api.post("/v1/deals", json={"name": "Left over", "accountId": account}).ok(201)["id"]
    house.api.delete(f"/v1/accounts/{account}").ok()
    names = house.api.get(f"/v1/deals/{deal}", names=True).ok()["names"]
    assert names[account] == {"collection": "accounts", "name": "Gone Ltd", "deleted": True}


def test_what_the_caller_does_not_see_is_not_named(house):
    secret = house.bob.api.post("/v1/accounts", json={"name": "Bob's secret"}).ok(201)["id"]
    deal = house.api.post("/v1/deals", json={"name": "Shown", "accountId": secret, "ownerId": house.ann.id}).ok(201)["id"]
    assert secret in house.api.get(f"/v1/deals/{deal}", names=True).ok()["names"]
    seen = house.ann.api.get(f"/v1/deals/{deal}", names=True).ok()
    assert seen["accountId"] == secret and secret not in seen["names"] and house.ann.id in seen["names"]


def test_what_the_role_hides_is_not_named(house):
    house.api.post("/v1/roles", json={"name": "Blind", "visibility": "ORG", "permissions": ["deals.read", "accounts.read"],
                                      "access": [{"collection": "deals", "hiddenFields": ["accountId"]},
                                                 {"collection": "users", "hiddenFields": ["displayName"]}]}).ok(201)
    blind = house.org.person("Blind").api
    account = house.api.post("/v1/accounts", json={"name": "Hidden Ltd"}).ok(201)["id"]
    deal = house.api.post("/v1/deals", json={"name": "Half seen", "accountId": account}).ok(201)
    assert {account, deal["ownerId"], deal["stageId"]} <= set(house.api.get(f"/v1/deals/{deal['id']}", names=True).ok()["names"])
    seen = blind.get(f"/v1/deals/{deal['id']}", names=True).ok()
    assert "accountId" not in seen and set(seen["names"]) == {deal["stageId"], deal["processId"]}


def test_lists_of_references_and_what_is_inside_of_records(house):
    api = house.api
    product = api.post("/v1/products", json={"name": "GTX Pro", "unitPrice": "10"}).ok(201)["id"]
    deal = api.post("/v1/deals", json={"name": "Items", "lineItems": [{"productId": product}]}).ok(201)["id"]
    assert api.get(f"/v1/deals/{deal}", names=True).ok()["names"][product]["name"] == "GTX Pro"
    meeting = api.post("/v1/meetings", json={
        "subject": "Kick-off", "startTime": "2026-12-01T09:00:00Z", "endTime": "2026-12-01T10:00:00Z",
        "attendeeIds": [house.ann.id, house.bob.id], "relatedResource": "deals", "relatedId": deal}).ok(201)["id"]
    names = api.get(f"/v1/meetings/{meeting}", names=True).ok()["names"]
    assert {names[p.id]["name"] for p in (house.ann, house.bob)} == {"Ann", "Bob"}
    assert names[deal] == {"collection": "deals", "name": "Items", "deleted": False}


def test_a_mask_counts(house):
    account = house.api.post("/v1/accounts", json={"name": "Masked"}).ok(201)["id"]
    house.api.post("/v1/deals", json={"name": "Masked deal", "accountId": account}).ok(201)
    page = house.api.get("/v1/deals", names=True, readMask="name,accountId", filter='name = "Masked deal"').ok()
    assert set(page["deals"][0]) == {"name", "accountId"} and set(page["names"]) == {account}


def test_names_change_without_the_record(house):
    """Whoever has this version of the deal does not have the account's new name."""
    account = house.api.post("/v1/accounts", json={"name": "Before"}).ok(201)["id"]
    path = f"/v1/deals/{house.api.post('/v1/deals', json={'name': 'Kept', 'accountId': account}).ok(201)['id']}"
    first = house.api.get(path, names=True)
    house.api.patch(f"/v1/accounts/{account}", {"name": "After"}).ok()
    again = house.api.call("GET", path, params={"names": True}, headers={"If-None-Match": first.etag})
    assert again.status == 200 and again.json()["names"][account]["name"] == "After"
    assert house.api.call("GET", path, headers={"If-None-Match": first.etag}).status == 304


def test_what_was_read_can_be_sent_back(house):
    deal = house.api.post("/v1/deals", json={"name": "Sent back", "externalId": "sent-back"}).ok(201)
    read = house.api.get(f"/v1/deals/{deal['id']}", names=True, access=True).ok()
    assert read["names"] and read["allowed"]
    answer = house.api.patch(f"/v1/deals/{deal['id']}", {**read, "nextStep": "Call"}).ok()
    assert answer["nextStep"] == "Call" and answer["version"] == "2"
    read = house.api.get(f"/v1/deals/{deal['id']}", names=True, access=True).ok()
    assert house.api.post("/v1/deals:upsert", json={**read, "nextStep": "Write"}).ok(200)["nextStep"] == "Write"


@pytest.mark.parametrize("collection", NAMED)
@pytest.mark.parametrize("argument", ["names", "allowed"])
def test_they_are_no_fields_to_look_for(house, collection, argument):
    path = contract().standard(collection, "LIST").route.path
    house.api.get(path, filter=f"{argument}:*").fails(400)
    house.api.get(path, orderBy=argument).fails(400)


@pytest.mark.parametrize("collection", NAMED)
def test_every_collection_names_what_it_refers_to(org, collection):
    """Whatever a record's fields that are references hold is in the map, in lists and alone."""
    creates = contract().standard(collection, "CREATE")
    made = org.make.create(collection, full=True)["id"] if creates else Records(org).id(collection)
    path = contract().standard(collection, "LIST").route.path
    page = org.api.get(path, names=True, pageSize=200).ok()
    listed = page[json_name(contract().standard(collection, "LIST").output.fields[0])]
    wanted = set()
    for record in listed:
        for field in contract().resources[collection].fields:
            target = contract().rule(field).references
            if target and contract().display(target):
                value = record[json_name(field)]
                wanted |= set(value if isinstance(value, list) else [value] if value else [])
    assert wanted and wanted <= set(page["names"])
    for id, name in page["names"].items():
        read = org.api.get(f"/v1/{name['collection']}/{id}").ok()
        assert name["name"] == read[contract().display(name["collection"])], name
    if contract().standard(collection, "GET"):
        assert org.api.get(f"{path}/{made}", names=True).ok()["names"]


# ---- access -------------------------------------------------------------------------------------------------------

def test_what_may_be_done_with_a_deal(house):
    deal = house.ann.api.post("/v1/deals", json={"name": "Access"}).ok(201)["id"]
    path = f"/v1/deals/{deal}"
    assert set(house.api.get(path, access=True).ok()["allowed"]) >= {"update", "delete", "move"}
    rep = house.ann.api.get(path, access=True).ok()["allowed"]
    assert "move" in rep and "update" in rep and "delete" not in rep and "undelete" not in rep
    viewer = house.org.person("Viewer")
    assert "allowed" not in viewer.api.get(path, access=True).ok(), "he may read it, no more"
    house.api.delete(path).ok()
    assert house.api.get(path, access=True).ok()["allowed"] == ["undelete"]


DONE = {"update": ("PATCH", "", {}), "delete": ("DELETE", "", None), "undelete": ("POST", ":undelete", {})}


@pytest.mark.parametrize("collection", contract().collections("LIST", "CREATE", "UPDATE", "DELETE", "UNDELETE"))
@pytest.mark.parametrize("who", ["Admin", "Manager", "Rep", "Viewer"])
def test_access_says_what_the_methods_say(house, collection, who):
    """Each of the standard methods, tried on records of several owners: refused where access does not have it, and only there."""
    path = contract().standard(collection, "LIST").route.path
    person = {"Admin": house.org.admin, "Manager": house.manager, "Rep": house.ann}.get(who) or house.org.person("Viewer")
    records = [house.org.make.create(collection) for _ in range(2)]
    if "owner_id" in contract().resources[collection].fields_by_name:
        house.api.patch(f"{path}/{records[0]['id']}", {"ownerId": house.ann.id}).ok()
        house.api.patch(f"{path}/{records[1]['id']}", {"ownerId": house.bob.id}).ok()
    for record in records:
        for word in ("update", "delete", "undelete"):
            answer = person.api.get(f"{path}/{record['id']}", access=True)
            said = answer.json().get("allowed", []) if answer.status == 200 else []
            verb, more, body = DONE[word]
            tried = person.api.call(verb, f"{path}/{record['id']}{more}", json=body)
            refused = tried.status in (403, 404) and tried.json()["code"] in ("NO_PERMISSION", "NOT_YOURS", "NOT_FOUND")
            if word == "undelete" and tried.status == 200 and word not in said:
                continue    # it was not deleted: nothing was to be done
            assert (word in said) == (not refused), f"{who} {word}: {said}\n{tried}"

"""Accounts as a tree, and what hangs on an account that is deleted."""
import concurrent.futures

MISSING = "01900000-0000-7000-8000-000000000000"


def account(api, name, parent=None, **more):
    return api.post("/v1/accounts", json={"name": name, "parentId": parent, **more}).ok(201)["id"]


def under(api, id, parent):
    return api.patch(f"/v1/accounts/{id}", {"parentId": parent})


def test_accounts_form_a_tree(api):
    group = account(api, "Group")
    company = account(api, "Company", group)
    branch = account(api, "Branch", company)
    for parent in (group, company, branch):
        under(api, group, parent).fails(400, "INVALID_FIELDS", "/parentId", "ACCOUNT_CIRCLE")
    api.post("/v1/accounts", json={"id": MISSING, "name": "Own parent", "parentId": MISSING}).fails(
        400, "INVALID_FIELDS", "/parentId", "ACCOUNT_CIRCLE")
    assert under(api, branch, group).ok()["parentId"] == group
    assert under(api, company, branch).ok()["parentId"] == branch, "the other way round, now that it is no circle"
    assert under(api, company, None).ok()["parentId"] is None


def test_a_circle_is_not_made_by_way_of_a_deleted_account(api):
    group = account(api, "Group")
    company = account(api, "Company", group)
    branch = account(api, "Branch", company)
    api.delete(f"/v1/accounts/{company}").ok()
    under(api, group, branch).fails(400, "INVALID_FIELDS", "/parentId", "ACCOUNT_CIRCLE")


def test_two_changes_at_once_make_no_circle(api):
    for _ in range(8):
        a, b = account(api, "A"), account(api, "B")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            first, second = pool.map(lambda pair: under(api, *pair), ((a, b), (b, a)))
        assert sorted((first.status, second.status)) == [200, 400], "one of them comes too late"


def test_a_deleted_account_gets_nothing_new(api):
    gone = account(api, "Gone")
    contact = api.post("/v1/contacts", json={"name": "Li Na", "accountId": gone}).ok(201)["id"]
    child, other = account(api, "Child", gone), account(api, "Other")
    api.delete(f"/v1/accounts/{gone}").ok()
    for collection, field in (("contacts", "accountId"), ("accounts", "parentId")):
        api.post(f"/v1/{collection}", json={"name": "New", field: gone}).fails(
            400, "INVALID_FIELDS", f"/{field}", "DELETED_RECORD")
    under(api, other, gone).fails(400, "INVALID_FIELDS", "/parentId", "DELETED_RECORD")
    assert under(api, child, gone).ok()["parentId"] == gone, "what it has, it keeps"
    assert api.patch(f"/v1/contacts/{contact}", {"name": "Li Na 2", "accountId": gone}).ok()["accountId"] == gone
    api.post(f"/v1/accounts/{gone}:undelete").ok()
    under(api, other, gone).ok()


def test_an_upsert_keeps_what_the_record_has(api):
    key = {"externalId": "c-1", "externalSource": "erp", "name": "Kept"}
    gone = account(api, "Gone")
    for collection, field in (("contacts", "accountId"), ("accounts", "parentId")):
        api.post(f"/v1/{collection}:upsert", json={**key, field: gone}).ok(201)
    api.delete(f"/v1/accounts/{gone}").ok()
    for collection, field in (("contacts", "accountId"), ("accounts", "parentId")):
        assert api.post(f"/v1/{collection}:upsert", json={**key, field: gone}).ok(200)[field] == gone
        api.post(f"/v1/{collection}:upsert", json={**key, "externalId": "c-2", field: gone}).fails(
            400, "INVALID_FIELDS", f"/{field}", "DELETED_RECORD")

"""A client made by openapi-generator (python) signs in, reads pages, creates, changes, fails, asks for some fields, and imports."""
import os

from sfms_client import (AccountInput, AccountPatch, AccountsApi, ApiClient, ApiException, Configuration, CreateSessionRequest,
                         ImportsApi, SessionsApi, UsersApi)

base = os.environ["SFMS_BASE"]


def want(good, what, got=None):
    assert good, f"{what}: {got}"
    print("  ", what)


def problem(call, *args, **more):
    try:
        call(*args, **more)
    except ApiException as error:
        return error.data
    raise AssertionError("it ought to have failed")


session = SessionsApi(ApiClient(Configuration(host=base))).create_session(
    CreateSessionRequest(email=os.environ["SFMS_EMAIL"], password=os.environ["SFMS_PASSWORD"]))
want(session.access_token, "log-in")
client = ApiClient(Configuration(host=base, access_token=session.access_token))
accounts = AccountsApi(client)
want(UsersApi(client).get_me().user.email == os.environ["SFMS_EMAIL"], "me")

seen, token = 0, ""
while True:
    page = accounts.list_accounts(page_size=3, page_token=token, filter='customFields.tier = "gold"')
    seen += len(page.accounts)
    token = page.next_page_token
    if not token:
        break
want(seen == 7, "pages", seen)

made = accounts.create_account_with_http_info(AccountInput(name="By Python", annualRevenue="12.50", customFields={"a": [1, "x"]}))
want(made.status_code == 201 and made.data.annual_revenue == "12.5" and made.data.custom_fields == {"a": [1, "x"]}, "create", made)
tag = made.headers["ETag"]
patched = accounts.update_account(made.data.id, AccountPatch(city="Bonn"), if_match=tag)
want(patched.city == "Bonn" and patched.annual_revenue == "12.5", "patch with If-Match", patched)
late = problem(accounts.update_account, made.data.id, AccountPatch(city="Bonn"), if_match=tag)
want(late.status == 412 and late.code == "VERSION_MISMATCH", "patch with an old If-Match", late)

failed = problem(accounts.create_account, AccountInput(name="x", phone="call me"))
want(failed.code == "INVALID_FIELDS" and failed.errors[0].pointer == "/phone", "a problem", failed)

masked = accounts.get_account(made.data.id, read_mask="name")
want(masked.name == "By Python" and masked.id is None, "readMask", masked)

imported = ImportsApi(client).create_import(resource="accounts", mapping='{"columns": {"Company": {"field": "name"}}}',
                                            file=("a.csv", b"Company\nImported by Python\n"))
want(imported.total_rows == "1", "import", imported)

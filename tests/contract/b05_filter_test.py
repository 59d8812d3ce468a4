"""Filters mean what their fields mean, in every collection: the same form, the same null, the same day."""
import datetime
import zoneinfo

import pytest

from lib.api import Api
from lib.contract import contract, json_name
from lib.org import PASSWORD, Org, log_in

COLLECTIONS = contract().collections("LIST", "CREATE")

# Other spellings of a value as it is answered, by format.
SPELLINGS = {
    "EMAIL": lambda v: [v.upper(), f" {v} ", v.title()],
    "PHONE": lambda v: [f"{v[:3]} {v[3:6]}-{v[6:10]} {v[10:]}", f" {v}"],
    "CURRENCY": lambda v: [v.lower(), f"{v} "],
    "UUID": lambda v: [v.upper()],
    "DECIMAL": lambda v: [v + "0" if "." in v else v + ".00", "0" + v],
    "MONEY": lambda v: [v + "0" if "." in v else v + ".00", "0" + v],
    "COUNTRY": lambda v: [v.lower()],
    "FORMAT_UNSPECIFIED": lambda v: [f"  {v}\u3000"],
}


def quoted(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def fields(collection):
    """Fields that can be filtered by, of one value."""
    for field in contract().resources[collection].fields:
        kind = field.message_type.full_name if field.message_type else ""
        if field.label != field.LABEL_REPEATED and not contract().rule(field).secret and (
                not kind or kind == "google.protobuf.Timestamp" or kind.endswith("Value") and kind != "google.protobuf.Value"):
            yield field


@pytest.fixture(scope="module")
def place(stack):
    """An organisation with a full and a bare record in every collection, as (api, {collection: {id: record}})."""
    org = Org(stack, time_zone="Asia/Shanghai")
    made = {}
    for collection in COLLECTIONS:
        org.make.create(collection, full=True)
        org.make.create(collection)
    for collection in COLLECTIONS:
        made[collection] = {r["id"]: r for r in org.api.all(f"/v1/{collection}")}
    return org.api, made


def found(api, collection, text):
    return {r["id"] for r in api.all(f"/v1/{collection}", filter=text)}


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_value_is_found_in_any_spelling(collection, place):
    api, made = place
    for field in fields(collection):
        name, form = json_name(field), contract().format(field)
        if field.cpp_type not in (field.CPPTYPE_STRING, field.CPPTYPE_ENUM):
            continue
        if contract().rule(field).multiline:
            form = None     # it keeps the blanks at its ends
        for value in {r[name] for r in made[collection].values()} - {None, ""}:
            spellings = [value.lower()] if field.cpp_type == field.CPPTYPE_ENUM else SPELLINGS.get(form, lambda v: [])(value)
            same = {i for i, r in made[collection].items() if r[name] == value}
            for spelling in [value, *spellings]:
                assert found(api, collection, f"{name} = {quoted(spelling)}") == same, (name, spelling)
                assert found(api, collection, f"{name} != {quoted(spelling)}") == set(made[collection]) - same, (name, spelling)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_nothing_is_what_is_answered_as_nothing(collection, place):
    api, made = place
    for field in fields(collection):
        name = json_name(field)
        text = field.cpp_type == field.CPPTYPE_STRING
        if not text and not field.message_type:
            continue        # a number or a choice always has a value
        without = {i for i, r in made[collection].items() if r[name] in (None, "")}
        for nothing in ["null"] + ['""', "'  '"] * text:
            assert found(api, collection, f"{name} = {nothing}") == without, (name, nothing)
            assert found(api, collection, f"{name} != {nothing}") == set(made[collection]) - without, (name, nothing)
        assert found(api, collection, f"{name}:*") == set(made[collection]) - without, name


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_empty_lists_are_nothing(collection, place):
    api, made = place
    for field in contract().resources[collection].fields:
        if field.label != field.LABEL_REPEATED or field.cpp_type != field.CPPTYPE_STRING or contract().rule(field).on_request:
            continue
        name = json_name(field)
        without = {i for i, r in made[collection].items() if not r[name]}
        for nothing in ("null", '""'):
            assert found(api, collection, f"{name} = {nothing}") == without, name
            assert found(api, collection, f"{name} != {nothing}") == set(made[collection]) - without, name


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_what_the_field_could_not_hold_is_refused_in_its_words(collection, place):
    api, _ = place
    for field in fields(collection):
        form = contract().format(field)
        name = json_name(field)
        if field.message_type and field.message_type.full_name == "google.protobuf.Timestamp":
            problem = api.get(f"/v1/{collection}", filter=f"{name} > 2026-03-01T10:00:00").fails(400, "BAD_FILTER")
            assert "offset" in problem["detail"], name
        elif form != "FORMAT_UNSPECIFIED":
            api.get(f"/v1/{collection}", filter=f"{name} = '§ §'").fails(400, "BAD_FILTER")


# ---- days -------------------------------------------------------------------------------------------------------------

ZONES = ["Pacific/Kiritimati", "Asia/Shanghai", "America/Havana", "Pacific/Pago_Pago"]


@pytest.fixture(scope="module")
def travellers(stack, place):
    """The administrator of the place, once in each zone."""
    api, _ = place
    me = api.get("/v1/me").ok()
    role = me["user"]["roleId"] if "user" in me else me["roleId"]
    made = {}
    for i, zone in enumerate(ZONES):
        email = f"traveller{i}.{role[:8]}@example.com"
        user = api.post("/v1/users", json={"displayName": zone, "email": email, "roleId": role, "timeZone": zone}).ok(201)
        api.post(f"/v1/users/{user['id']}:setPassword", json={"password": PASSWORD}).ok()
        made[zone] = Api(api.base, log_in(api.base, email)["accessToken"])
    return made


def holds(op, day, that):
    return {"=": day == that, "!=": day != that, ">=": day >= that, ">": day > that, "<=": day <= that, "<": day < that}[op]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_day_beside_a_time_is_the_callers(collection, zone, place, travellers):
    _, made = place
    api = travellers[zone]
    for field in fields(collection):
        if not field.message_type or field.message_type.full_name != "google.protobuf.Timestamp":
            continue
        name = json_name(field)
        days = {i: r[name] and datetime.datetime.fromisoformat(r[name].replace("Z", "+00:00")).astimezone(
            zoneinfo.ZoneInfo(zone)).date() for i, r in made[collection].items()}
        for that in sorted({d for d in days.values() if d})[:2]:
            for op in ("=", "!=", ">=", ">", "<=", "<"):
                right = {i for i, d in days.items() if (holds(op, d, that) if d else op == "!=")}
                got = found(api, collection, f"{name} {op} {that}") & set(made[collection])
                assert got == right, (name, op, str(that))


@pytest.mark.parametrize("zone, day", [("Asia/Shanghai", "2026-03-01"), ("America/Havana", "2024-11-03"),
                                       ("America/Havana", "2024-03-10"), ("America/New_York", "2026-03-08"),
                                       ("America/Sao_Paulo", "2018-11-04"), ("Australia/Lord_Howe", "2026-04-05")])
def test_a_day_begins_and_ends_where_the_caller_is(zone, day, stack):
    """Also where clocks are put forward or back, be it at midnight."""
    api = Org(stack, time_zone=zone).api
    that, moments = datetime.date.fromisoformat(day), {}
    noon = datetime.datetime(that.year, that.month, that.day, 12, tzinfo=datetime.timezone.utc)
    for minutes in range(-48 * 60, 48 * 60, 30):
        moment = noon + datetime.timedelta(minutes=minutes)
        local = moment.astimezone(zoneinfo.ZoneInfo(zone))
        if abs((local.date() - that).days) <= 1 and (local.hour in (0, 23)):
            text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            moments[api.post("/v1/calls", json={"subject": "C", "callTime": text}).ok(201)["id"]] = local.date()
    for op in ("=", "!=", ">=", ">", "<=", "<"):
        assert found(api, "calls", f"callTime {op} {day}") == {i for i, d in moments.items() if holds(op, d, that)}, op


def test_what_was_made_now_was_made_on_its_start_date(place):
    api, _ = place
    deal = api.post("/v1/deals", json={"name": "Now"}).ok(201)
    assert deal["id"] in found(api, "deals", f"createTime >= {deal['startDate']} AND createTime = {deal['startDate']}")


# ---- transcripts ------------------------------------------------------------------------------------------------------

def test_who_asks_before_he_writes_finds_her(stack):
    api = Org(stack, time_zone="Asia/Shanghai").api
    ann = api.post("/v1/contacts", json={"name": "Ann", "email": "Ann@Example.com", "phone": "138 0013 8000"}).ok(201)["id"]
    for text in ('email = "Ann@Example.com"', 'phone = "138 0013 8000"', 'phone = "13800138000"', 'phone:"138 0013"',
                 "phone:8000", 'phone:"+86 138"', "phone:１３８００１３８０００", 'email:"ANN@"'):
        assert found(api, "contacts", text) == {ann}, text
    for text in ('email != "Ann@Example.com"', 'phone != "138 0013 8000"', "phone:139", "phone:nobody"):
        assert found(api, "contacts", text) == set(), text
    deal = api.post("/v1/deals", json={"name": "D"}).ok(201)["id"]
    for text in ('currency = "cny"', "outcome = open", "currency = CNY AND outcome = OPEN"):
        assert found(api, "deals", text) == {deal}, text


def wide(text):
    """In full width."""
    return "".join(chr(ord(c) + 0xfee0) if "!" <= c <= "~" else "\u3000" if c == " " else c for c in text)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_text_is_found_as_people_take_it(collection, place):
    api, made = place
    for field in fields(collection):
        name = json_name(field)
        if field.cpp_type != field.CPPTYPE_STRING or contract().format(field) in ("UUID", "DATE", "DECIMAL", "MONEY"):
            api.get(f"/v1/{collection}", filter=f'{name} =~ "1"').fails(400, "BAD_FILTER")
            continue
        for id, record in made[collection].items():
            if record[name]:
                for same in (record[name].upper(), f"\u3000{record[name].title()}  ", wide(record[name])):
                    assert id in found(api, collection, f"{name} =~ {quoted(same)}"), (name, same)
                assert id not in found(api, collection, f"{name} =~ {quoted(record[name] + 'x')}"), name
    some = next(iter(made[collection]))
    assert found(api, collection, f'NOT (customFields.note =~ "nowhere") AND id = "{some}"') == {some}


def test_custom_fields(stack):
    api = Org(stack).api
    made = {}
    for name, fields_ in {"gold": {"tier": "gold", "my key": 1, "a.b": 1, "级别": "高"}, "null": {"tier": None, "other": 1},
                          "text null": {"tier": "null"}, "number": {"budget": 1500}, "text": {"budget": "1500"},
                          "bare": None}.items():
        made[api.post("/v1/accounts", json={"name": name, "customFields": fields_}).ok(201)["id"]] = name
    for text, names in {
        "customFields.tier = null": {"null", "number", "text", "bare"}, "customFields.tier != null": {"gold", "text null"},
        'customFields.tier = "null"': {"text null"}, "NOT customFields.tier = null": {"gold", "text null"},
        'customFields."my key" = 1': {"gold"}, "customFields.'a.b' = 1": {"gold"}, "customFields.`a.b` = 1": {"gold"},
        "customFields.a.b = 1": {"gold"}, "customFields.级别 = 高": {"gold"}, 'customFields."级别":*': {"gold"},
        'customFields.tier =~ " GOLD"': {"gold"}, "customFields.budget = 1500": {"number"}, "customFields.budget = 1.5e3": {"number"},
        "customFields.budget >= 1000": {"number"}, 'customFields.budget = "1500"': {"number", "text"},
        'customFields.tier = " gold "': {"gold"}, 'customFields." tier" = gold': {"gold"},
    }.items():
        assert {made[i] for i in found(api, "accounts", text)} == names, text


def test_more_than_ten_thousand_is_said_so(stack):
    org = Org(stack)
    account = org.api.post("/v1/accounts", json={"name": "One"}).ok(201)["id"]
    def total(text=None):
        page = org.api.get("/v1/accounts", countTotal=True, pageSize=1, **({"filter": text} if text else {})).ok()
        return page["totalSize"], page["totalIsEstimate"]
    columns = stack.sql("SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid ="
                        " 'customers.accounts'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
                        " AND attname NOT IN ('id', 'custom_fields')")[0][0]
    def copies(n):
        stack.sql("SET session_replication_role = replica; INSERT INTO customers.accounts (id, custom_fields, " + columns +
                  ") SELECT gen_random_uuid(), '{\"tier\": \"gold\"}', " + columns +
                  " FROM customers.accounts, generate_series(1, %s) WHERE id = %s", n, account)
    copies(9999)
    assert total() == ("10000", False)
    copies(2001)
    assert total() == ("10000", True)
    assert total('customFields.tier = "gold"') == ("10000", True)
    assert total('name = "Two"') == ("0", False)

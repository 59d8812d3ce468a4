"""Settings: one record of an organisation, in sections; its fiscal years, and its days of work."""
import datetime

import pytest

from lib.org import Org

# The holidays of 2026 as the State Council has published them, and the days that make up for them.
HOLIDAYS = [
    {"firstDay": "2026-01-01", "lastDay": "2026-01-03", "name": "元旦"},
    {"firstDay": "2026-02-15", "lastDay": "2026-02-23", "name": "春节"},
    {"firstDay": "2026-04-04", "lastDay": "2026-04-06", "name": "清明节"},
    {"firstDay": "2026-05-01", "lastDay": "2026-05-05", "name": "劳动节"},
    {"firstDay": "2026-06-19", "lastDay": "2026-06-21", "name": "端午节"},
    {"firstDay": "2026-09-25", "lastDay": "2026-09-27", "name": "中秋节"},
    {"firstDay": "2026-10-01", "lastDay": "2026-10-07", "name": "国庆节"},
]
MAKE_UP = [{"day": day, "name": f"{name}调休"} for day, name in (
    ("2026-01-04", "元旦"), ("2026-02-14", "春节"), ("2026-02-28", "春节"), ("2026-05-09", "劳动节"), ("2026-09-20", "国庆节"),
    ("2026-10-10", "国庆节"))]


@pytest.fixture(scope="module")
def house(stack):
    return Org(stack, country="CN")


@pytest.fixture(scope="module")
def calendar(stack, house):
    """Asks the database for something by the calendar of the organisation, with China's holidays of 2026."""
    house.api.patch("/v1/settings", {"calendar": {"holidays": HOLIDAYS, "makeUpDays": MAKE_UP}}).ok()

    def ask(expression, *values):
        rows = stack.sql(f"SELECT set_config('sfms.org_id', '{house.id}', false)"
                         f" UNION ALL SELECT ({expression})::text", *values)
        return rows[1][0]
    return ask


def test_what_an_organisation_begins_with(stack):
    org = Org(stack, country="CN")
    settings = org.api.get("/v1/settings").ok()
    assert settings["id"] == org.id and settings["version"] == "1"
    assert settings["company"] == {"name": org.name, "country": "CN", "currency": "CNY", "language": "zh-CN", "timeZone": "Asia/Shanghai"}
    assert settings["calendar"]["fiscalYearStart"] == "JANUARY" and settings["calendar"]["firstDayOfWeek"] == "MONDAY"
    assert [h["weekday"] for h in settings["calendar"]["workingHours"]] == ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]
    assert settings["calendar"]["holidays"] == [] and settings["formats"]["name"] == "NAME_ORDER_UNSPECIFIED"


def test_members_are_written_one_by_one(house):
    before = house.api.get("/v1/settings").ok()
    after = house.api.patch("/v1/settings", {"calendar": {"firstDayOfWeek": "SUNDAY"}, "formats": {"name": "SURNAME_FIRST"}}).ok()
    assert after["calendar"] == {**before["calendar"], "firstDayOfWeek": "SUNDAY"}
    assert after["formats"] == {**before["formats"], "name": "SURNAME_FIRST"} and after["company"] == before["company"]
    after = house.api.patch("/v1/settings", {"company": {"timeZone": "Asia/Urumqi"}, "calendar": {"firstDayOfWeek": None}}).ok()
    assert after["company"] == {**before["company"], "timeZone": "Asia/Urumqi"}
    assert after["calendar"]["firstDayOfWeek"] == "WEEKDAY_UNSPECIFIED" and after["formats"]["name"] == "SURNAME_FIRST"
    house.api.patch("/v1/settings", {"company": {"timeZone": "Asia/Shanghai"}, "calendar": {"firstDayOfWeek": "MONDAY"}}).ok()
    # What was read can be sent back.
    read = house.api.get("/v1/settings").ok()
    assert house.api.patch("/v1/settings", read).ok() == read


def test_what_is_known_of_the_company_is_known_once(house):
    org = house.api.patch(f"/v1/orgs/{house.id}", {"name": "云帆集团"}).ok()
    settings = house.api.get("/v1/settings").ok()
    assert settings["company"]["name"] == "云帆集团" and settings["version"] == org["version"]
    house.api.patch("/v1/settings", {"company": {"name": "云帆控股", "country": "SG"}}).ok()
    org = house.api.get(f"/v1/orgs/{house.id}").ok()
    assert (org["name"], org["country"]) == ("云帆控股", "SG")
    house.api.patch("/v1/settings", {"company": {"country": "CN"}}).ok()


def test_only_if_nobody_else_has_changed_them(house):
    first = house.api.get("/v1/settings")
    house.api.patch("/v1/settings", {"formats": {"date": "YEAR_MONTH_DAY"}}, headers={"If-Match": first.etag}).ok()
    house.api.patch("/v1/settings", {"formats": {"date": "DAY_MONTH_YEAR"}}, headers={"If-Match": first.etag}).fails(412)
    again = house.api.get("/v1/settings")
    assert again.json()["formats"]["date"] == "YEAR_MONTH_DAY"
    assert house.api.call("GET", "/v1/settings", headers={"If-None-Match": again.etag}).status == 304
    assert house.api.patch("/v1/settings", {"formats": {"date": "YEAR_MONTH_DAY"}}).ok()["version"] == again.json()["version"]


def test_who_may(house):
    rep = house.person("Rep").api
    assert rep.get("/v1/settings").ok()["calendar"]
    rep.patch("/v1/settings", {"formats": {"name": "SURNAME_FIRST"}}).fails(403, "NO_PERMISSION")
    assert house.api.get("/v1/settings", access=True).ok()["allowed"] == ["update"]
    assert "allowed" not in rep.get("/v1/settings", access=True).ok()


def test_another_organisation_has_its_own(house, other_org):
    house.api.patch("/v1/settings", {"formats": {"number": "SPACE_COMMA"}}).ok()
    assert other_org.api.get("/v1/settings").ok()["formats"]["number"] == "NUMBER_STYLE_UNSPECIFIED"
    assert other_org.api.get("/v1/settings").ok()["id"] == other_org.id


def test_a_change_is_an_event_and_in_the_security_log(house):
    cursor = house.api.get("/v1/events", fromNow=True).ok()["cursor"]
    house.api.patch("/v1/settings", {"calendar": {"fiscalYearStart": "APRIL"}}).ok()
    house.api.patch("/v1/settings", {"calendar": {"fiscalYearStart": "JANUARY"}}).ok()
    history = house.api.get(f"/v1/settings/{house.id}/history").ok()["events"]
    assert [e["action"] for e in history[:2]] == ["UPDATED", "UPDATED"]
    change = history[0]["changes"][0]
    assert change["field"] == "calendar" and change["after"]["fiscalYearStart"] == "JANUARY" and change["before"]["fiscalYearStart"] == "APRIL"
    events = house.api.get("/v1/events", after=cursor, resource="settings").ok()["events"]
    assert [e["resource"] for e in events] == ["settings", "settings"]
    entries = house.api.all("/v1/auditEvents", filter='action = ORG_CHANGED AND resource = "settings"')
    assert len(entries) >= 2


@pytest.mark.parametrize("body, pointer, reason", [
    ({"company": {"name": None}}, "/company/name", "REQUIRED"),
    ({"company": {"name": " "}}, "/company/name", "REQUIRED"),
    ({"company": {"currency": "EUR"}}, "/company/currency", "IMMUTABLE"),
    ({"company": {"timeZone": "Mars/Phobos"}}, "/company/timeZone", "BAD_FORMAT"),
    ({"company": {"country": "China"}}, "/company/country", "BAD_FORMAT"),
    ({"company": None}, "/company", "REQUIRED"),
    ({"company": 5}, "/company", "WRONG_TYPE"),
    ({"company": {"colour": "red"}}, "/company/colour", "UNKNOWN_FIELD"),
    ({"calendar": {"fiscalYearStart": "SMARCH"}}, "/calendar/fiscalYearStart", None),
    ({"calendar": {"holidays": [{"name": "No day"}]}}, "/calendar/holidays/0/firstDay", "REQUIRED"),
    ({"calendar": {"holidays": [{"firstDay": "2026-02-30"}]}}, "/calendar/holidays/0/firstDay", "BAD_FORMAT"),
    ({"calendar": {"holidays": [{"firstDay": "2026-02-02", "lastDay": "2026-02-01"}]}}, "/calendar/holidays/0/lastDay", "ENDS_BEFORE_START"),
    ({"calendar": {"workingHours": [{"weekday": "MONDAY", "startTime": "09:00", "endTime": "25:00"}]}}, "/calendar/workingHours/0/endTime",
     "BAD_FORMAT"),
    ({"calendar": {"workingHours": [{"weekday": "MONDAY", "startTime": "18:00", "endTime": "09:00"}]}}, "/calendar/workingHours/0/endTime",
     "ENDS_BEFORE_START"),
    ({"calendar": {"makeUpDays": [{"day": "2026-01-01"}] * 401}}, "/calendar/makeUpDays", "TOO_MANY_ITEMS")])
def test_what_is_wrong_is_said(house, body, pointer, reason):
    before = house.api.get("/v1/settings").ok()
    house.api.patch("/v1/settings", body).fails(400, None, pointer, reason)
    assert house.api.get("/v1/settings").ok() == before


# ---- years --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("month, day, year, quarter", [
    ("JANUARY", "2026-11-25", "2026-01-01", "2026-10-01"), ("JANUARY", "2026-01-01", "2026-01-01", "2026-01-01"),
    ("APRIL", "2026-03-31", "2025-04-01", "2026-01-01"), ("APRIL", "2026-04-01", "2026-04-01", "2026-04-01"),
    ("FEBRUARY", "2026-01-31", "2025-02-01", "2025-11-01"), ("DECEMBER", "2026-02-28", "2025-12-01", "2025-12-01"),
    ("OCTOBER", "2024-02-29", "2023-10-01", "2024-01-01")])
def test_fiscal_years_and_quarters(house, calendar, month, day, year, quarter):
    house.api.patch("/v1/settings", {"calendar": {"fiscalYearStart": month}}).ok()
    assert calendar("app.fiscal_year_start(%s::date)", day) == year
    assert calendar("app.fiscal_quarter_start(%s::date)", day) == quarter


# ---- days of work -------------------------------------------------------------------------------------------------

def works(day):
    """Whether people in China work on a day of 2026, said once more."""
    text = day.isoformat()
    if text in {d["day"] for d in MAKE_UP}:
        return True
    return day.weekday() < 5 and not any(h["firstDay"] <= text <= h["lastDay"] for h in HOLIDAYS)


def test_every_day_of_2026(stack, calendar, house):
    rows = stack.sql(f"""WITH o AS (SELECT set_config('sfms.org_id', '{house.id}', false))
                         SELECT d::date, app.is_working_day(d::date) FROM o, generate_series('2026-01-01'::date, '2026-12-31', '1 day') d""")
    assert len(rows) == 365 and [r[1] for r in rows] == [works(r[0]) for r in rows]
    assert sum(works(r[0]) for r in rows) == 248


@pytest.mark.parametrize("day, number, then", [
    ("2026-02-13", 1, "2026-02-14"),    # a Saturday that makes up for the Spring Festival
    ("2026-02-14", 1, "2026-02-24"), ("2026-02-24", -1, "2026-02-14"), ("2026-02-27", 1, "2026-02-28"),
    ("2026-09-30", 1, "2026-10-08"), ("2026-10-09", 1, "2026-10-10"), ("2026-10-10", 1, "2026-10-12"),
    ("2026-11-25", 0, "2026-11-25"), ("2026-02-16", 0, "2026-02-24"), ("2026-01-04", 0, "2026-01-04")])
def test_working_days_later(calendar, day, number, then):
    assert calendar("app.add_working_days(%s::date, %s)", day, number) == then


def test_between_turns_it_around(calendar):
    day = datetime.date(2026, 1, 5)
    for number in (-1, 1, 20, 100, 200):
        then = calendar("app.add_working_days(%s::date, %s)", day.isoformat(), number)
        assert calendar("app.working_days_between(%s::date, %s::date)", day.isoformat(), then) == str(number)
    assert calendar("app.working_days_between('2026-10-01', '2026-10-07')") == "0"


def test_where_nobody_works_there_is_no_day(stack, calendar):
    org = Org(stack)
    org.api.patch("/v1/settings", {"calendar": {"workingHours": []}}).ok()
    rows = stack.sql(f"SELECT set_config('sfms.org_id', '{org.id}', false) UNION ALL SELECT app.add_working_days('2026-01-01', 5)::text")
    assert rows[1][0] is None

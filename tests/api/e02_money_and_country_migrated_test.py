"""Amounts with more decimals than their currency has, and organisations without a country, after the migration."""
import uuid

import pytest

from lib.old import OldDatabase


@pytest.fixture
def old(stack):
    database = OldDatabase(stack, f"old_{uuid.uuid4().hex}", before="0011_currencies.sql")
    yield database
    database.drop()


def org(old, currency, zone="Asia/Shanghai"):
    id, user, role = (str(uuid.uuid4()) for _ in range(3))
    old.insert("identity.orgs", org_id=id, id=id, name=f"Old {currency}", currency=currency, time_zone=zone)
    old.insert("identity.roles", org_id=id, id=role, name="R", visibility="ORG")
    old.insert("identity.users", org_id=id, id=user, display_name="U", role_id=role)
    return id, user


def deal(old, org, user, price, amount=None, **item):
    product, id = str(uuid.uuid4()), str(uuid.uuid4())
    (currency,) = old.sql("SELECT currency FROM identity.orgs WHERE id = %s", org)[0]
    old.insert("pipeline.products", org_id=org, id=product, name="P", unit_price=price, currency=currency)
    old.insert("pipeline.deals", org_id=org, id=id, owner_id=user, name="D", amount=amount,
               line_items=[{"productId": product, **item}])
    return id


def seen(old, id):
    amount, follows, item, version = old.sql(
        "SELECT trim_scale(amount)::text, amount_follows_items, line_items->0->>'amount', version FROM pipeline.deals WHERE id = %s", id)[0]
    return amount, follows, item, version


def test_amounts_are_rounded_to_what_can_be_paid(old):
    yen, user = org(old, "JPY")
    follows = deal(old, yen, user, 100, discountPercent="33.335")
    by_hand = deal(old, yen, user, 100, amount="12.345", discountPercent="33.335")
    whole = deal(old, yen, user, 100)
    yuan, other = org(old, "CNY")
    fine = deal(old, yuan, other, "0.0035", amount="12.34")
    accounts = {r: str(uuid.uuid4()) for r in ("5.5", "5")}
    for revenue, id in accounts.items():
        old.insert("customers.accounts", org_id=yen, id=id, owner_id=user, name="A", annual_revenue=revenue)
    assert seen(old, follows) == ("66.67", True, "66.67", 1)
    old.migrate()
    assert seen(old, follows) == ("67", True, "67", 2)
    assert seen(old, by_hand) == ("12", False, "67", 2)
    assert seen(old, whole) == ("100", True, "100", 1)
    assert seen(old, fine) == ("12.34", False, "0", 1)
    (before, after), = old.sql("SELECT before->>'amount', after->>'amount' FROM app.events"
                               " WHERE record_id = %s AND action = 'UPDATED'", by_hand)
    assert (before, after) == ("12.345", "12"), "the log has what it was"
    revenues = [old.sql("SELECT trim_scale(annual_revenue)::text, version FROM customers.accounts WHERE id = %s", id)[0]
                for id in accounts.values()]
    assert revenues == [("6", 2), ("5", 1)]


def test_organisations_get_the_country_of_their_currency(old):
    orgs = {c: org(old, c, zone)[0] for c, zone in
            {"CNY": "Asia/Shanghai", "JPY": "Asia/Tokyo", "USD": "America/New_York", "EUR": "Europe/Berlin"}.items()}
    phone = str(uuid.uuid4())
    old.insert("customers.accounts", org_id=orgs["USD"], id=phone, name="A", phone="+8614155550142",
               owner_id=old.sql("SELECT id FROM identity.users WHERE org_id = %s", orgs["USD"])[0][0])
    old.migrate()
    assert {c: old.sql("SELECT country FROM identity.orgs WHERE id = %s", id)[0][0] for c, id in orgs.items()} == \
        {"CNY": "CN", "JPY": "JP", "USD": None, "EUR": None}
    assert old.sql("SELECT phone, version FROM customers.accounts WHERE id = %s", phone) == [("+8614155550142", 1)], "nothing is guessed"

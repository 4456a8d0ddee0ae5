"""`ebbtide customer`: all that is known of one, in words for people and in JSON for programs."""

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from command_line import Ebbtide, put_in_place_of_kafka
from msgspec import Raw
from recorded import FakeRows

from agents.coupons.coupon import Coupon, Coupons
from schemas.codec import encode_row
from schemas.decisions import Evidence, Money
from schemas.instant import DAY, HOUR
from state.affinity import Affinity
from state.customer import (
    CartLine,
    Customer,
    Deliveries,
    Ratings,
    RecentOrder,
    Responses,
    Said,
    Session,
)
from state.exposure import Exposure
from state.grievance import Grievance
from state.held import Held, Touch
from state.portrait import Trait
from streams.amounts import money
from streams.commands.watching import brief
from streams.customer import row as customer_row
from streams.customer import view as customer_view
from streams.customer.coupons import coupons

AT = 1_768_896_000_000  # 2026-01-20 08:00 UTC


#: What the gate adds to a row.
WITH_GATE: dict[str, Any] = {
    "said": {"win_back": Said(AT - DAY, 2, held_out=1)},
    "responses": {"email": Responses(4, 2, 1, 1, True, AT - 2 * DAY, AT - DAY, AT - HOUR)},
    "touches": [Touch(AT - 3 * DAY, "churn_alert", ""), Touch(AT - DAY, "abandoned_cart", "email")],
    "held": [
        Held(
            "win_back", "win_back", "win_back@1", AT, AT - 2 * HOUR, AT + HOUR, AT + HOUR,
            "quiet_hours", "alert_unanswered", Evidence(), b"{}", AT + 9 * DAY, Money(500, "EUR"),
        )
    ],
    "exposures": {
        "win_back": Exposure(AT - 4 * DAY, held_out=True),
        "*": Exposure(AT - 5 * DAY, False, True, 2, {"EUR": 3_000}),
    },
    "case_closed_at": AT - 2 * DAY,
}  # fmt: skip

#: Each field of a row with something in it.
FILLED: dict[str, Any] = WITH_GATE | {
    "first_seen_at": AT - DAY, "last_seen_at": AT + 1, "orders": [AT // HOUR * 3, 1, 500],
    "views": [AT // HOUR * 3, 1, 0], "order_count": 2, "spent_cents": 500, "refunded_cents": 5,
    "currency": "JPY", "first_order_at": AT - DAY, "last_order_at": AT, "gap_hours": [24],
    "session": Session(1, AT, AT, 2), "cart": {"p": CartLine(1, 5, AT)}, "cart_changed_at": AT,
    "viewed": ["p"], "bought": ["p"], "trail": {"vp": AT // HOUR << 10 | 0x32}, "categories": Affinity(1, {"tea": 2}),
    "products": Affinity(1, {"p": 2}),
    "recent_orders": {"o": RecentOrder(AT, 500)}, "ratings": Ratings(1, 5, 5, AT, "r"),
    "deliveries": Deliveries(1), "consent": {"marketing": {"*": AT}}, "locale": "de", "time_zone": "Europe/Berlin",
    "birthday": date(1990, 1, 2), "country": "DE", "portrait": {"class": Trait("frequent", AT // DAY)}, "traits": {"size": "L"}, "timers": {"churn_alert": AT},
    "memory": {"churn_alert": Raw(encode_row(["e1"]))},
    "grievances": {"late": Grievance((AT - DAY) // HOUR, 30, "o-1")},
    "awaited": {"tea": ("price_drop",)},
}  # fmt: skip

#: What the engine keeps for itself, and when the cart changed last, which its lines say.
INNER = {
    "version", "event_ids", "profile_at", "cart_changed_at", "visit_awaited_until", "key_ids",
}  # fmt: skip


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> type[FakeRows]:
    put_in_place_of_kafka(monkeypatch)
    monkeypatch.setattr(customer_row, "RedisTable", FakeRows)
    monkeypatch.setattr(FakeRows, "row", None)
    monkeypatch.setattr(FakeRows, "of_shop", None)
    return FakeRows


def test_a_customer_is_shown_with_what_is_known_and_what_is_due(
    ebbtide: Ebbtide, row: type[FakeRows]
) -> None:
    row.row = encode_row(
        Customer(
            first_seen_at=AT - 40 * DAY, last_seen_at=AT, currency="EUR", order_count=2,
            spent_cents=12_345, last_order_at=AT - 3 * DAY, gap_hours=[240],
            cart={"p1": CartLine(2, 500, AT)}, consent={"marketing": {"email": -AT}},
            said={"churn_alert": Said(AT - DAY, 1, "paused", 3)}, timers={"churn_alert": AT + 9 * DAY},
            memory={"churn_alert": Raw(encode_row(["e1"]))},
            deliveries=Deliveries(3, 1, AT, "mailer", "refused"),
            grievances={
                "late": Grievance((AT - DAY) // HOUR, 30, "o-1"), "search": Grievance(AT // HOUR, 1, "tea"),
                "stock": Grievance(AT // HOUR, 0, "mug"),
            },
        )
    )  # fmt: skip
    code, told, _ = ebbtide("customer", "ann")
    assert code == 0
    for line in [
        "2 orders, 123.45 EUR spent, 0.00 EUR refunded",
        "last  2026-01-17T08:00:00Z (3.0 d ago)",
        "gaps of 10.0 days",
        "2 x p1 at 5.00 EUR, 2026-01-20T08:00:00Z (0 s ago)",
        "worth 10.00 EUR",
        "marketing, email: no, 2026-01-20T08:00:00Z (0 s ago)",
        "churn_alert: 2026-01-29T08:00:00Z (in 9.0 d)",
        "churn_alert: sent 1, last 2026-01-19T08:00:00Z (24 h ago); then not, because paused, and 3 more",
        "churn_alert: event_id e1",
        "o-1 delivered 30 hours late, 2026-01-19T08:00:00Z (24 h ago)",
        "nothing found for 'tea', 1 time, 2026-01-20T08:00:00Z (0 s ago)",
        "mug not to be had, 2026-01-20T08:00:00Z (0 s ago)",
        "3 delivered, 1 not; mailer has not got the last one (refused), 2026-01-20T08:00:00Z (0 s ago)",
    ]:
        assert line in told
    code, told, _ = ebbtide("customer", "ann", "--json")
    view = json.loads(told)
    assert view["timers"] == [{"name": "churn_alert", "due_at": "2026-01-29T08:00:00.000Z"}]
    assert view["purchases"]["recency_days"] == 3.0
    assert [it["days"] for it in view["windows"]] == [1, 7, 28, 365]
    assert view["memory"]["churn_alert"]["event_id"] == "e1"
    assert view["deliveries"]["undelivered"] == 1
    assert view["grievances"][0] == {
        "kind": "late", "at": "2026-01-19T08:00:00.000Z", "amount": 30, "about": "o-1"
    }  # fmt: skip


def test_what_the_gate_keeps_of_a_customer_is_shown_too(
    ebbtide: Ebbtide, row: type[FakeRows]
) -> None:
    row.row = encode_row(Customer(last_seen_at=AT, **WITH_GATE))
    code, told, _ = ebbtide("customer", "ann")
    assert code == 0
    for line in [
        "email: sent 4, opened 2, clicked 1, bounced 1, unsubscribed",
        "last bounced 2026-01-18T08:00:00Z (2.0 d ago)",
        "last answered 2026-01-19T08:00:00Z (24 h ago)",
        "last left 2026-01-20T07:00:00Z (60 min ago)",
        "win_back: sent 2, held out 1, last 2026-01-19T08:00:00Z (24 h ago)",
        "abandoned_cart by email: 2026-01-19T08:00:00Z (24 h ago)",
        "churn_alert: 2026-01-17T08:00:00Z (3.0 d ago)",
        (
            "win_back: since 2026-01-20T06:00:00Z (2 h ago), until 2026-01-20T09:00:00Z (in 60 min), because"
            " quiet_hours; hands out 5.00 EUR; expires 2026-01-29T08:00:00Z (in 9.0 d)"
        ),
        "all campaigns: sent since 2026-01-15T08:00:00Z (5.0 d ago); has visited since: 2 orders, 30.00 EUR",
        "win_back: held out since 2026-01-16T08:00:00Z (4.0 d ago); has not come since",
        "closed 2026-01-18T08:00:00Z (2.0 d ago)",
    ]:
        assert line in told
    code, told, _ = ebbtide("customer", "ann", "--json")
    view = json.loads(told)
    assert [it["kind"] for it in view["touches"]] == ["abandoned_cart", "churn_alert"]
    (held,) = view["held"]
    assert (held["why"], held["hands_out_cents"], held["currency"]) == ("quiet_hours", 500, "EUR")
    assert [it["arm"] for it in view["exposures"]] == ["sent", "held_out"]
    assert view["exposures"][0]["money"] == {"EUR": 3_000}
    assert view["responses"]["email"]["bounced_at"] == "2026-01-18T08:00:00.000Z"
    assert view["case_closed_at"] == "2026-01-18T08:00:00.000Z"
    assert view["said"][0]["held_out"] == 1


@pytest.mark.parametrize("name", [it for it in Customer.__struct_fields__ if it not in INNER])
def test_no_field_of_the_row_is_left_out_of_the_view(name: str) -> None:
    bare = Customer(first_seen_at=AT, last_seen_at=AT, currency="EUR")
    full = msgspec.structs.replace(bare, **{name: FILLED[name]})
    views = [
        msgspec.to_builtins(customer_view.view("ann", 0, encode_row(it), AT)) for it in (bare, full)
    ]
    differ = {it for it in views[0] if views[0][it] != views[1][it]} - {"row_bytes"}
    assert differ, f"the view of a customer does not show {name}"


def test_a_coupon_has_a_line_of_its_own_with_what_became_of_it(
    ebbtide: Ebbtide, row: type[FakeRows]
) -> None:
    given = Coupon("EBB-NEW", 500, AT + DAY, "EUR", AT - DAY)
    used = Coupon("EBB-OLD", 300, AT + DAY, "EUR", AT - 3 * DAY, "o-7", 900, AT + 9 * DAY)
    memory = {"win_back_coupon": Raw(encode_row(Coupons("", given, used)))}
    row.row = encode_row(Customer(last_seen_at=AT, memory=memory))
    code, told, _ = ebbtide("customer", "ann")
    assert code == 0
    for line in [
        "EBB-NEW: 5.00 EUR (win_back_coupon), open; sent 2026-01-19T08:00:00Z (24 h ago), ends ",
        "EBB-OLD: 3.00 EUR (win_back_coupon), redeemed by o-7; sent 2026-01-17T08:00:00Z (3.0 d ago)",
    ]:
        assert line in told
    assert "memory" not in told
    view = json.loads(ebbtide("customer", "ann", "--json")[1])
    assert [it["state"] for it in view["coupons"]] == ["open", "redeemed"]
    assert [it.state for it in coupons(memory, AT + DAY)] == ["expired", "redeemed"]


def test_a_channel_that_reaches_nobody_says_for_what_it_can_not_be_used(
    ebbtide: Ebbtide, row: type[FakeRows]
) -> None:
    bounced = Responses(sent=1, bounced=1, bounced_at=AT - DAY)
    anew = {"service": {"email": AT}}
    row.row = encode_row(Customer(last_seen_at=AT, responses={"email": bounced}, consent=anew))
    told = ebbtide("customer", "ann")[1]
    assert "can't be used for marketing and personalisation, until they agree to it anew" in told


def test_the_trail_is_told_with_the_newest_first(ebbtide: Ebbtide, row: type[FakeRows]) -> None:
    trail = {"vkettle": (AT // HOUR - 24) << 10 | 3 << 4 | 2, "sgreen tea": AT // HOUR << 10 | 17}
    row.row = encode_row(Customer(last_seen_at=AT, trail=trail))
    told = ebbtide("customer", "ann")[1]
    newest = "searched green tea: last 2026-01-20T08:00:00Z (0 s ago)"
    oldest = "viewed kettle: 3 times on 2 visits, last 2026-01-19T08:00:00Z (24 h ago)"
    assert 0 < told.index(newest) < told.index(oldest)


def test_an_unknown_customer_is_exit_code_1_with_a_hint(
    ebbtide: Ebbtide, row: type[FakeRows]
) -> None:
    code, told, complained = ebbtide("customer", "nobody", "--json")
    assert (code, told) == (1, "")
    assert complained.startswith("ebbtide: customer 'nobody' is not known: ")
    assert "`anon:`" in complained


def test_a_row_of_a_newer_version_says_what_to_do(ebbtide: Ebbtide, row: type[FakeRows]) -> None:
    row.row = encode_row(Customer(version=99))
    code, told, complained = ebbtide("customer", "ann")
    assert (code, told) == (1, "")
    assert complained.startswith("ebbtide: the row of 'ann' has version 99, and this Ebbtide knows")


def test_money_is_written_with_the_digits_of_its_currency() -> None:
    told = [money(123_450, it) for it in ("EUR", "JPY", "KWD", "")]
    assert told == ["1,234.50 EUR", "123,450 JPY", "123.450 KWD", "1,234.50"]


def test_a_payload_is_told_on_one_line() -> None:
    products = [{"product_id": f"p{it}", "score": 0.5} for it in range(5)]
    payload = {"value_cents": 500, "currency": "EUR", "order_id": None, "products": products}
    assert brief(payload) == "value 5.00 EUR, products p0 p1 p2 and 2 more"

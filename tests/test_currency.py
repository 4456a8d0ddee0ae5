"""Currencies: all that is counted is in the shop's own, and what cannot be converted is not lost."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import AGREED, Partition, journal

from agents.agent import Agent
from agents.engine.intake import EngineSettings
from schemas.clickstream import ProductAdded, ProductViewed
from schemas.codec import raw_decoders
from schemas.event import Event
from schemas.instant import DAY
from schemas.journal import Entry, Record, ShopEntry, Source
from schemas.orders import Item, OrderCancelled, OrderPlaced, OrderRefunded
from schemas.shop_events import RatePublished
from state.customer import Customer, Original
from streams.apply import apply
from streams.dead_letters import dead_letter_of_entry

AT = 1_768_896_000_000  # 2026-01-20 08:00 UTC
IN_EUROS = EngineSettings(currency="EUR")


def shop(*agents: Agent, engine: EngineSettings = IN_EUROS) -> Partition:
    return Partition(*agents, gate=AGREED, settings=engine)


def rate(currency: str, per: str, worth: str, at: int = AT, number: int = 0) -> ShopEntry:
    event = RatePublished(
        event_id=f"r{number}", occurred_at=at, currency=currency, per=per, rate=worth
    )
    return ShopEntry(event, Source("shop", 0, number, at))


def order(number: int, cents: int, currency: str, at: int = AT) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"o{number}", occurred_at=at + number, customer_id="ann", order_id=f"o{number}",
        products=(Item("tea", price_cents=cents),), currency=currency,
    )  # fmt: skip


def refund(number: int, cents: int | None, **more: Any) -> OrderRefunded:
    return OrderRefunded(
        event_id=f"back{number}-{cents}-{more}", occurred_at=AT + 1_000 + number,
        customer_id="ann", order_id=f"o{number}", refund_cents=cents, **more,
    )  # fmt: skip


def row(partition: Partition) -> Customer:
    found = partition.row("ann")
    assert found is not None
    return found


def test_orders_of_several_currencies_add_up_in_the_shops_own_and_keep_what_they_cost() -> None:
    it = shop()
    it.feed([rate("USD", "EUR", "0.85"), rate("EUR", "JPY", "160", number=1)])
    it.facts(order(1, 1_000, "EUR"), order(2, 2_000, "USD"), order(3, 1_600, "JPY"))
    ann = row(it)
    assert (ann.spent_cents, ann.currency) == (1_000 + 1_700 + 1_000, "EUR")
    assert ann.recent_orders["o1"].original is None
    assert ann.recent_orders["o2"].original == Original(2_000, "USD")
    assert ann.recent_orders["o3"].original == Original(1_600, "JPY")
    assert sum(ann.orders[2::3]) == ann.spent_cents


def test_the_rate_of_the_orders_date_counts_and_not_a_newer_one() -> None:
    it = shop()
    it.feed([rate("USD", "EUR", "0.80"), rate("USD", "EUR", "0.90", AT + DAY, 1)])
    it.facts(order(1, 1_000, "USD"), order(2, 1_000, "USD", AT + DAY))
    assert [o.paid_cents for o in row(it).recent_orders.values()] == [800, 900]


def test_without_a_currency_of_the_shops_own_nothing_is_converted() -> None:
    it = shop(engine=EngineSettings())
    it.feed([rate("USD", "EUR", "0.85")])
    it.facts(order(1, 1_000, "USD"))
    assert (row(it).spent_cents, row(it).currency) == (1_000, "USD")
    assert it.state()["ledgers"] == {}


@given(
    paid=st.integers(1, 10**7),
    worth=st.sampled_from(["0.0061", "0.85", "1.17", "37.5"]),
    parts=st.lists(st.integers(1, 10**6), max_size=6),
    cancelled=st.booleans(),
)
@settings(deadline=None)
def test_what_goes_back_in_parts_never_goes_back_twice_and_all_of_it_leaves_nothing(
    paid: int, worth: str, parts: list[int], *, cancelled: bool
) -> None:
    it = shop()
    it.feed([rate("USD", "EUR", worth)])
    it.facts(order(1, paid, "USD"))
    spent = row(it).spent_cents
    back = 0
    for number, part in enumerate(parts):
        event = refund(1, part, products=(Item(f"part{number}"),))
        it.facts(event, begin=10 + number)
        back = min(paid, back + part)
        # By now what is back is worth what it is worth, whatever the parts were.
        assert abs(row(it).refunded_cents * paid - spent * back) <= paid
        assert 0 <= row(it).refunded_cents <= spent
    rest: Event = refund(1, None)
    if cancelled:
        rest = OrderCancelled(
            event_id="c", occurred_at=AT + 9_000, customer_id="ann", order_id="o1"
        )
    it.facts(rest, begin=99)
    assert row(it).refunded_cents == spent


def test_a_refund_of_an_order_that_is_not_known_any_more_goes_by_its_own_currency() -> None:
    it = shop()
    it.feed([rate("USD", "EUR", "0.50")])
    it.facts(refund(7, 100), refund(8, 100, currency="USD"), refund(9, 100, currency="EUR"))
    assert row(it).refunded_cents == 100 + 50 + 100


def test_a_cart_is_worth_what_its_lines_are_worth_and_views_need_no_rate() -> None:
    it = shop()
    it.feed([rate("USD", "EUR", "0.50")])
    about: dict[str, Any] = {"customer_id": "ann", "product_id": "tea", "price_cents": 900}
    added = ProductAdded(event_id="a", occurred_at=AT, currency="USD", **about)
    viewed = ProductViewed(event_id="v", occurred_at=AT, currency="NOK", **about)
    it.facts(added, viewed)
    assert (row(it).cart_cents, row(it).currency) == (450, "EUR")
    assert row(it).viewed == ["tea"]


def refused_of(it: Partition, records: list[Record]) -> list[Any]:
    async def run() -> list[Any]:
        position, found = await it.table.position(0), []

        async def refuse(refused: Any) -> None:
            found.extend(refused)

        offsets = range(position.offset, position.offset + len(records))
        steps = apply(it.engine, it.table, 0, position, offsets, records, refuse=refuse)
        async for _ in steps:
            pass
        return found

    return asyncio.run(run())


def test_an_amount_without_a_rate_is_a_dead_letter_that_can_be_sent_again_timeline() -> None:
    it = shop()
    published = order(1, 1_000, "NOK")
    (refused,) = refused_of(it, journal([published]))
    # Nothing was made of it: no row, no id that would make a second attempt a repetition.
    assert it.row("ann") is None
    assert it.state()["counters"] == {"records/order_placed/refused": 1}
    letter = dead_letter_of_entry(*refused)
    headers = dict(letter.headers or ())
    assert headers["reason"] == b"rate_missing"
    assert headers["detail"] == (
        b"no rate of NOK in EUR is known for 2026-01-20, nor for the 7 days before it"
        b" - at `$.currency`"
    )
    assert b"requeue" in headers["hint"]
    again = raw_decoders["orders"].decode(letter.value or b"")
    assert again == published
    # The rate comes, and so does the order, as a raw record of its own.
    later: list[Record] = [
        rate("NOK", "EUR", "0.09", AT - 3 * DAY, 5), Entry(again, Source("raw", 0, 7, AT))
    ]  # fmt: skip
    assert refused_of(it, later) == []
    assert row(it).spent_cents == 90


def test_a_rate_that_says_nothing_of_the_shops_currency_changes_nothing() -> None:
    it = shop()
    it.feed([rate("USD", "JPY", "156"), rate("EUR", "EUR", "1", number=1)])
    assert it.state()["ledgers"] == {}


@pytest.mark.parametrize("sizes", [[1, 1, 1, 1], [4], [2, 2], [3, 1]])
def test_a_rate_counts_from_its_place_in_the_log_on_however_it_is_cut(sizes: list[int]) -> None:
    records: list[Record] = [
        rate("USD", "EUR", "0.80"), *journal([order(1, 1_000, "USD")]),
        rate("USD", "EUR", "0.90", AT + 1, 1), *journal([order(2, 1_000, "USD")], begin=5),
    ]  # fmt: skip
    it = shop()
    for size in sizes:
        it.feed(records[:size])
        records = records[size:]
    assert [o.paid_cents for o in row(it).recent_orders.values()] == [800, 900]

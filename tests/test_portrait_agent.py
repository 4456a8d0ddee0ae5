"""The portrait: guessed from what a customer does, surer with each time, and fading without it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition

from agents.portrait import Portrait
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.orders import Item, OrderPlaced
from schemas.profiles import MessageClicked, MessageOpened, MessageSent, ProfileUpdated
from state.customer import Customer
from state.portrait import known
from streams.simulated.story import moment

MONDAY = moment("2026-01-19 08:00")


def order(number: int, at: int, **more: Any) -> OrderPlaced:
    fields: dict[str, Any] = {
        "products": (Item("tea", category="drinks"),), "currency": "EUR", "customer_id": "ann"
    }  # fmt: skip
    return OrderPlaced(
        event_id=f"e{number}", occurred_at=at, order_id=f"o{number}", **(fields | more)
    )


def told(*events: Event, agent: Portrait | None = None) -> Customer:
    shop = Partition(agent or Portrait())
    assert shop.facts(*events) == []
    row = shop.row("ann")
    assert row is not None
    return row


def sure(row: Customer, trait: str, at: int) -> tuple[str, float]:
    return row.portrait[trait].value, round(row.portrait[trait].confidence(at), 2)


def test_a_guess_is_surer_with_each_order_and_one_order_says_little() -> None:
    once = told(order(1, MONDAY))
    assert sure(once, "shops_at", MONDAY) == ("morning", 0.4)  # (1 + 1) / (1 + 4)
    assert sure(once, "shops_on", MONDAY) == ("weekday", 0.67)
    assert sure(once, "favourite_category", MONDAY) == ("drinks", 1.0)
    often = told(*(order(it, MONDAY + it * HOUR // 6) for it in range(8)))
    assert sure(often, "shops_at", MONDAY) == ("morning", 0.75)  # (8 + 1) / (8 + 4)


def test_it_is_the_hour_on_the_customers_own_wall() -> None:
    lives = ProfileUpdated(
        event_id="p", occurred_at=MONDAY, customer_id="ann", time_zone="Asia/Tokyo"
    )
    row = told(lives, order(1, MONDAY + 7 * HOUR))  # 15:00 in London is Tuesday in Tokyo.
    assert sure(row, "shops_at", MONDAY) == ("night", 0.4)
    row = told(order(1, moment("2026-01-23 20:00")), agent=Portrait(time_zone="Asia/Tokyo"))
    assert sure(row, "shops_on", MONDAY) == ("weekend", 0.67)


def test_without_anything_new_a_guess_fades_and_is_gone() -> None:
    row = told(order(1, MONDAY), agent=Portrait(half_life_days=10))
    # 40 per cent are 10 after twenty days, and then too few.
    assert known(row.portrait, "shops_at", MONDAY + 19 * DAY) == "morning"
    assert known(row.portrait, "shops_at", MONDAY + 21 * DAY) == ""


def test_a_new_habit_takes_the_place_of_an_old_one() -> None:
    mornings = [order(it, MONDAY + it * DAY) for it in range(10)]
    evenings = [order(90 + it, MONDAY + 200 * DAY + it * DAY + 11 * HOUR) for it in range(5)]
    row = told(*mornings, *evenings, agent=Portrait(half_life_days=30))
    assert row.portrait["shops_at"].value == "evening"


@pytest.mark.parametrize(
    ("with_coupon", "value"), [(0, "never"), (2, "sometimes"), (5, "sometimes"), (9, "always")]
)
def test_who_orders_with_coupons_is_known(with_coupon: int, value: str) -> None:
    orders = [
        order(it, MONDAY + it * DAY, coupons=("TEN",) if it < with_coupon else ())
        for it in range(10)
    ]
    assert told(*orders).portrait["uses_coupons"].value == value


def test_the_channel_they_answer_on_is_learned_from_what_is_reported() -> None:
    def report(kind: Any, number: int, channel: str) -> Event:
        event: Event = kind(
            event_id=f"{kind.__name__}{number}", occurred_at=MONDAY + number, customer_id="ann",
            message_id=f"m{number}", channel=channel,
        )  # fmt: skip
        return event

    sent = [report(MessageSent, it, "sms" if it % 2 else "email") for it in range(20)]
    opened = [report(MessageOpened, it, "sms") for it in range(30, 35)]
    row = told(*sent, *opened, report(MessageClicked, 40, "email"))
    assert row.portrait["answers_on"].value == "sms"


@given(
    days=st.lists(st.integers(0, 400), min_size=1, max_size=12),
    order_of_arrival=st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=60)
def test_confidence_is_a_probability_in_whatever_order_orders_arrive(
    days: list[int], order_of_arrival: Any
) -> None:
    events = [order(it, MONDAY + day * DAY) for it, day in enumerate(days)]
    order_of_arrival.shuffle(events)
    row = told(*events)
    assert all(0 < it.percent <= 100 for it in row.portrait.values())
    assert row.portrait.keys() == {
        "favourite_category", "shops_at", "shops_on", "uses_coupons"
    }  # fmt: skip

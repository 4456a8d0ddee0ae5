"""The simulated shelves: products sell out and come back, prices fall, and none of it is a customer's."""

from itertools import islice

import pytest

from schemas.shop_events import PriceChanged, ShopEvent, StockChanged
from streams.simulated.scripts import Fact
from streams.simulated.shop import CATALOGUE
from streams.simulated.simulation import Simulation

START_AT = 1_768_896_000_000  # 2026-01-20 08:00 UTC
PRICES = {it.product_id: it.price_cents for products in CATALOGUE.values() for it in products}


@pytest.fixture(params=["history", "live"])
def events(request: pytest.FixtureRequest) -> list[ShopEvent]:
    shop = Simulation(customers=40, seed=1, start_at=START_AT)
    facts: list[Fact] = list(
        shop.history(60) if request.param == "history" else islice(shop.live(20.0), 10_000)
    )
    assert all((topic == "shop") == isinstance(event, ShopEvent) for topic, event in facts)
    return [event for _, event in facts if isinstance(event, ShopEvent)]


def test_what_was_sold_out_comes_back_and_prices_fall(events: list[ShopEvent]) -> None:
    available: dict[str, int] = {}
    back = 0
    for event in events:
        if isinstance(event, StockChanged):
            assert event.product_id in PRICES
            back += event.available > 0 == available.get(event.product_id)
            available[event.product_id] = event.available
    changes = [event for event in events if isinstance(event, PriceChanged)]
    assert back > 10
    assert sum(it.price_cents < PRICES[it.product_id] for it in changes) > 10


def test_time_does_not_go_back_on_the_shelves(events: list[ShopEvent]) -> None:
    times = [event.occurred_at for event in events]
    assert times == sorted(times)

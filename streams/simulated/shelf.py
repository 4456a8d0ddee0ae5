"""What happens on the simulated shelves? Products sell out and come back, and prices move.

It is made up apart from what customers do: a customer of the simulation buys what is sold out too.
"""

from typing import Any

from schemas.instant import HOUR
from schemas.shop_events import PriceChanged, RatePublished, ShopEvent, StockChanged
from streams.simulated.scripts import TOPICS, Fact, Pen
from streams.simulated.shop import CATALOGUE, CURRENCY

_PRODUCTS = [it for products in CATALOGUE.values() for it in products]
# What a unit of a currency is worth in euros, about.
_RATES = {"CHF": 1.05, "GBP": 1.16, "SEK": 0.088, "USD": 0.92}


class Shelf:
    """All shelves. Each call is the next thing that happens on one of them."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._sold_out: list[str] = []

    def next_fact(self) -> Fact:
        """The next event; time has gone on by some hours, where the pen has a clock of its own."""
        pen, rng = self._pen, self._pen.rng
        pen.pause(HOUR, 8 * HOUR)
        if self._sold_out and pen.chance(0.4):
            product_id = self._sold_out.pop(rng.randrange(len(self._sold_out)))
            return self._write(StockChanged, product_id=product_id, available=rng.randint(5, 200))
        if pen.chance(0.1):
            currency = rng.choice(list(_RATES))
            rate = f"{_RATES[currency] * rng.uniform(0.98, 1.02):.6f}"
            return self._write(RatePublished, currency=currency, per=CURRENCY, rate=rate)
        product = rng.choice(_PRODUCTS)
        if pen.chance(0.6) and product.product_id not in self._sold_out:
            self._sold_out.append(product.product_id)
            return self._write(StockChanged, product_id=product.product_id, available=0)
        cents = round(product.price_cents * rng.choice([0.7, 0.8, 0.9, 1.0, 1.1]))
        return self._write(
            PriceChanged, product_id=product.product_id, price_cents=cents, currency=CURRENCY
        )

    def _write(self, kind: type[ShopEvent], **fields: Any) -> Fact:
        pen = self._pen
        return TOPICS[kind], kind(event_id=pen.fresh_id(), occurred_at=pen.at, **fields)

"""What has become cheaper, and for whom? A product on a wish list, or left in the cart.

The price is held against the one that the customer saw. Once the gate has let the news pass the new
price is the one seen, so a price that goes up and down again is told once.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import Act, Agent, Await, Remember, Say, StopAwaiting, View
from agents.product_change import ProductChange
from schemas.clickstream import ProductAdded, ProductRemoved, ProductWishlisted
from schemas.decisions import Evidence
from schemas.instant import DAY, HOUR, SECOND
from schemas.orders import OrderPlaced
from state.product import Product

# A drop is compared exactly, so a share is so many parts of this.
_PARTS = 10_000


class CheaperProduct(Struct, frozen=True):
    """A product, the price that the customer saw, and the one it has now."""

    product_id: str
    seen_cents: int
    price_cents: int
    currency: str


class PriceDropPayload(Struct, frozen=True):
    """What has become cheaper and can be ordered."""

    products: list[CheaperProduct]


class Seen(Struct, array_like=True, gc=False, frozen=True):
    """At which price a product was seen. seen_s: when, in seconds since 1970.

    is_wished: it is on a wish list; if not, it is in the cart. now_cents: to what the price fell,
    which is not told yet; 0: it did not fall, or not far enough.
    """

    cents: int
    currency: str
    seen_s: int
    is_wished: bool = False
    now_cents: int = 0

    @property
    def seen_at(self) -> int:
        """When, in milliseconds like all else."""
        return self.seen_s * SECOND


class Watched(Struct, array_like=True, gc=False, frozen=True):
    """What is watched, by product. passed: of how much news the gate had approved by then."""

    products: dict[str, Seen] = {}
    passed: int = 0


class PriceDrop(Agent, frozen=True):
    """drop_share: by which share of the price seen it must have fallen.

    of_cart: whether what is in the cart is watched too. valid_days: how long a price is taken for
    the one that the customer remembers. valid_hours: how long the news is of use.
    """

    listens: ClassVar = (ProductWishlisted, ProductAdded, ProductRemoved, OrderPlaced)
    says: ClassVar = {"price_drop": PriceDropPayload}
    reads_products: ClassVar = True
    remembers: ClassVar = Watched

    drop_share: Annotated[float, Meta(gt=0, lt=1)] = 0.1
    of_cart: bool = True
    valid_days: Annotated[float, Meta(gt=0)] = 60.0
    valid_hours: Annotated[float, Meta(gt=0)] = 48.0

    def on_event(
        self, event: ProductWishlisted | ProductAdded | ProductRemoved | OrderPlaced, customer: View
    ) -> Iterable[Act]:
        """Watch what is wished for and what is in the cart, as long as it is."""
        match event:
            case ProductWishlisted():
                return self._see(event, customer, is_wished=True)
            case ProductAdded():
                # An order that was seen first may have emptied the cart that it was put into.
                is_left = self.of_cart and event.product_id in customer.row.cart
                return self._see(event, customer, is_wished=False) if is_left else ()
        return self._let_go(event, customer) if self.name in customer.row.memory else ()

    def on_product(self, change: ProductChange, customer: View) -> Iterable[Act]:
        """Hold the price against the one that was seen; of what is sold out nothing is told."""
        product_id, watched = change.product_id, self._watched(customer)
        seen = watched.products.get(product_id)
        if seen is None or customer.at - seen.seen_at > round(self.valid_days * DAY):
            yield from _without(watched, {product_id})
            yield StopAwaiting(product_id)
            return
        now_cents = self._fell_to(seen, change.after)
        if now_cents == seen.now_cents:
            return
        told_before = seen.now_cents or seen.cents
        seen = replace(seen, now_cents=now_cents)
        watched = Watched(watched.products | {product_id: seen}, self._passed(customer))
        yield Remember(watched)
        if 0 < now_cents < told_before:
            yield self._say(watched.products, seen, customer, change.event.event_id)

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: what is cheaper by then."""
        payload = _payload(self._watched(customer).products)
        return replace(held, payload=payload) if payload.products else None

    def _see(
        self, event: ProductWishlisted | ProductAdded, customer: View, *, is_wished: bool
    ) -> Iterable[Act]:
        at, product_id, row = event.occurred_at, event.product_id, customer.row
        if at <= row.last_order_at and product_id in row.bought:
            return  # It is heard of late: they have bought it since.
        watched = self._watched(customer)
        known = watched.products.get(product_id)
        product = customer.products.get(product_id, Product())
        cents, currency = event.price_cents, event.currency or ""
        if not (cents and currency):
            cents, currency = product.price_cents, product.currency
        if not cents:
            return  # Nobody knows what it cost.
        seen = Seen(cents, currency, at // SECOND, is_wished or bool(known and known.is_wished))
        if known and known.seen_at > at:
            seen = replace(known, is_wished=seen.is_wished)
        elif product.price_at > at:
            # The shop's word on the price has overtaken what the customer saw.
            seen = replace(seen, now_cents=self._fell_to(seen, product))
        yield Await(product_id)
        watched = Watched(watched.products | {product_id: seen}, self._passed(customer))
        yield Remember(watched)
        if seen.now_cents and not (known and known.now_cents):
            yield self._say(watched.products, seen, customer, event.event_id)

    def _let_go(self, event: ProductRemoved | OrderPlaced, customer: View) -> Iterable[Act]:
        """Watch no more what was ordered, nor what has left the cart and is not wished for."""
        watched, cart = self._watched(customer), customer.row.cart
        ordered = (
            {it.product_id for it in event.products} if isinstance(event, OrderPlaced) else set()
        )
        gone = {
            it for it, seen in watched.products.items()
            if (it in ordered and seen.seen_at <= event.occurred_at)
            or not (seen.is_wished or it in cart)
        }  # fmt: skip
        return _without(watched, gone) if gone else ()

    def _fell_to(self, seen: Seen, product: Product) -> int:
        """The price, if it has fallen far enough and the product can be had, as far as is known."""
        cents = product.price_cents
        is_there = product.available > 0 or not product.stock_at
        least = _PARTS - round(self.drop_share * _PARTS)
        if product.currency == seen.currency and is_there and cents * _PARTS <= seen.cents * least:
            return cents
        return 0

    def _say(self, products: Mapping[str, Seen], seen: Seen, customer: View, event_id: str) -> Say:
        return Say(
            reason="price_fell",
            payload=_payload(products),
            expires_at=customer.at + round(self.valid_hours * HOUR),
            evidence=Evidence(
                events=(event_id,),
                values={
                    "seen_cents": seen.cents,
                    "price_cents": seen.now_cents,
                    "fell_share": round(1 - seen.now_cents / seen.cents, 4),
                },
                thresholds={"drop_share": self.drop_share},
            ),
        )

    def _watched(self, customer: View) -> Watched:
        """What is watched still; a price of which the news has passed the gate is the one seen."""
        watched = customer.recall(Watched)
        has_passed = self._passed(customer) > watched.passed
        products = {
            it: replace(seen, cents=seen.now_cents, now_cents=0)
            if has_passed and seen.now_cents else seen
            for it, seen in watched.products.items() if customer.awaits(it)
        }  # fmt: skip
        return replace(watched, products=products)

    def _passed(self, customer: View) -> int:
        """How often the gate has let the news pass; those who are held out count as told."""
        said = customer.row.said.get(self.name)
        return said.sent + said.held_out if said else 0


def _payload(products: Mapping[str, Seen]) -> PriceDropPayload:
    return PriceDropPayload(
        [
            CheaperProduct(product_id, seen.cents, seen.now_cents, seen.currency)
            for product_id, seen in products.items()
            if seen.now_cents
        ]
    )


def _without(watched: Watched, product_ids: set[str]) -> Iterable[Act]:
    """Let go of these."""
    left = {it: seen for it, seen in watched.products.items() if it not in product_ids}
    yield Remember(replace(watched, products=left) if left else None)
    for product_id in sorted(product_ids & watched.products.keys()):
        yield StopAwaiting(product_id)

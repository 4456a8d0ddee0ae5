"""Who waited for this? The product that a customer asked for can be ordered again.

A request is answered once, with what is in stock when the answer leaves, and an order of the
product ends it. What the gate refuses stays open: it is told with the next one, or when the product
has sold out and come back once more.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import (
    Act,
    Agent,
    Await,
    Decided,
    Remember,
    Say,
    StopAwaiting,
    View,
)
from agents.product_change import ProductChange
from schemas.clickstream import ProductAdded, ProductWishlisted, StockAlertRequested
from schemas.decisions import Evidence
from schemas.instant import DAY, HOUR, SECOND
from schemas.orders import OrderPlaced
from schemas.profiles import Purpose

Asked = StockAlertRequested | ProductWishlisted | ProductAdded


class InStock(Struct, frozen=True):
    """A product that is back. available: how many there were when it came back."""

    product_id: str
    available: int


class BackInStockPayload(Struct, frozen=True):
    """What the customer asked for and can order now."""

    products: list[InStock]


class Request(Struct, array_like=True, gc=False, frozen=True):
    """What was asked for. asked_s: when, in seconds since 1970.

    available: how many there are of what has come back and is not told yet; 0: it is waited for.
    """

    event_id: str
    asked_s: int
    available: int = 0

    @property
    def asked_at(self) -> int:
        """When, in milliseconds like all else."""
        return self.asked_s * SECOND


class Requests(Struct, array_like=True, gc=False, frozen=True):
    """The open requests by product. passed: of how many answers the gate had approved by then."""

    open: dict[str, Request] = {}
    passed: int = 0


class BackInStock(Agent, frozen=True):
    """of_wishlist, of_cart: whether what is wished for, or put into the cart, counts as asked for.

    valid_days: how long a request stands. valid_hours: how long an answer is of use.
    """

    listens: ClassVar = (
        StockAlertRequested, ProductWishlisted, ProductAdded, OrderPlaced, Decided,
    )  # fmt: skip
    says: ClassVar = {"back_in_stock": BackInStockPayload}
    reads_products: ClassVar = True
    remembers: ClassVar = Requests

    purpose: Purpose | Literal["internal"] = "service"
    pause_hours: float = 0.0
    of_wishlist: bool = False
    of_cart: bool = False
    valid_days: Annotated[float, Meta(gt=0)] = 90.0
    valid_hours: Annotated[float, Meta(gt=0)] = 48.0

    def on_event(self, event: Asked | OrderPlaced | Decided, customer: View) -> Iterable[Act]:
        """Wait for what is asked for; an order or our answer ends that."""
        match event:
            case StockAlertRequested() | ProductWishlisted() | ProductAdded():
                return self._asked(event, customer) if self._counts(event) else ()
            case _ if self.name not in customer.row.memory:
                return ()
            case OrderPlaced():
                return self._ordered(event, customer)
            case Decided(kind=self.name, payload=BackInStockPayload() as told):
                return _without(self._open(customer), {it.product_id for it in told.products})
        return ()

    def on_product(self, change: ProductChange, customer: View) -> Iterable[Act]:
        """Tell that it is back; what is sold out again before it could be told is waited for."""
        if change.came_back or change.sold_out:
            return self._moved(change, customer)
        return ()

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: what is back by then, unless it is ordered or sold out."""
        payload = self._answer(self._open(customer).open, customer.at)
        return replace(held, payload=payload) if payload.products else None

    def _counts(self, event: Asked) -> bool:
        match event:
            case ProductWishlisted():
                return self.of_wishlist
            case ProductAdded():
                return self.of_cart
        return True

    def _asked(self, event: Asked, customer: View) -> Iterable[Act]:
        at, product_id, row = event.occurred_at, event.product_id, customer.row
        requests = self._open(customer)
        known = requests.open.get(product_id)
        if known and known.asked_at > at:
            return
        if at <= row.last_order_at and product_id in row.bought:
            return  # It is heard of late: they have bought it since.
        product = customer.products.get(product_id)
        # The shop's word on the stock may overtake the customer's wish, and is its answer then.
        is_back = product is not None and product.stock_at > at
        request = Request(
            event.event_id, at // SECOND, product.available if product and is_back else 0
        )
        yield Await(product_id)
        yield from self._waits(requests, product_id, request, customer, ())

    def _moved(self, change: ProductChange, customer: View) -> Iterable[Act]:
        product_id, requests = change.product_id, self._open(customer)
        request = requests.open.get(product_id)
        if request is None or self._is_over(request, customer.at):
            yield from _without(requests, {product_id})
            yield StopAwaiting(product_id)
        elif request.available and self._passed(customer) > requests.passed:
            # The gate let the answer pass, and it left nowhere: to be held out counts as told.
            yield from _without(requests, {product_id})
        else:
            request = replace(request, available=change.after.available)
            events = (change.event.event_id,)
            yield from self._waits(requests, product_id, request, customer, events)

    def _waits(
        self, requests: Requests, product_id: str, request: Request, customer: View,
        events: tuple[str, ...],
    ) -> Iterable[Act]:  # fmt: skip
        """Keep a request, and answer it if there is something to be had."""
        waiting = requests.open | {product_id: request}
        yield Remember(Requests(waiting, self._passed(customer)))
        if not request.available:
            return
        waited = max(0, customer.at - request.asked_at)
        yield Say(
            reason="back_again",
            payload=self._answer(waiting, customer.at),
            expires_at=customer.at + round(self.valid_hours * HOUR),
            evidence=Evidence(
                events=(request.event_id, *events),
                values={"waited_hours": round(waited / HOUR, 1), "available": request.available},
                thresholds={"valid_days": self.valid_days},
            ),
        )

    def _ordered(self, order: OrderPlaced, customer: View) -> Iterable[Act]:
        requests, ordered = self._open(customer), {it.product_id for it in order.products}
        answered = {it for it in ordered & requests.open.keys()
                    if requests.open[it].asked_at <= order.occurred_at}  # fmt: skip
        return _without(requests, answered) if answered else ()

    def _open(self, customer: View) -> Requests:
        """The requests that are still waited for: others may have taken the room."""
        requests = customer.recall(Requests)
        waiting = {it: known for it, known in requests.open.items() if customer.awaits(it)}
        return replace(requests, open=waiting)

    def _answer(self, waiting: Mapping[str, Request], at: int) -> BackInStockPayload:
        return BackInStockPayload(
            [
                InStock(product_id, it.available)
                for product_id, it in waiting.items()
                if it.available and not self._is_over(it, at)
            ]
        )

    def _is_over(self, request: Request, at: int) -> bool:
        return at - request.asked_at > round(self.valid_days * DAY)

    def _passed(self, customer: View) -> int:
        said = customer.row.said.get(self.name)
        return said.sent + said.held_out if said else 0


def _without(requests: Requests, product_ids: set[str]) -> Iterable[Act]:
    """Let go of these."""
    waiting = {it: known for it, known in requests.open.items() if it not in product_ids}
    yield Remember(replace(requests, open=waiting) if waiting else None)
    for product_id in sorted(product_ids & requests.open.keys()):
        yield StopAwaiting(product_id)

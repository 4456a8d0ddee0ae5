"""What else? By what this visit has held up to now, by what was bought together, or what is liked.

Learned from the partition's own customers as they come, and from looks in the others as its journal
tells of them, so a replay recommends the same. A look is answered by what others look at next in
such visits (``state/beside.py``); where little is known of that, by what was bought with the
product; and where nothing is known of it, by what is looked at most in its category. The agent
speaks at most once in ``quiet_hours`` to a customer: one that spoke at every page view would be
noise.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import Act, Agent, Enter, Say, View
from agents.products.choosing import Recommended, bought_together, next_looks, popular
from schemas.clickstream import ProductAdded, ProductViewed
from schemas.decisions import Evidence
from schemas.instant import HOUR
from schemas.orders import OrderPlaced
from schemas.profiles import Purpose
from state import trail
from state.beside import LOOK
from state.customer import Customer
from state.popular import ALL, Bought, Looked, Popular
from state.sold_out import sold_out

#: An order counts for as many looks, as in ``agents/trend.py``.
ORDER_WEIGHT = 5


class ProductRecommendationPayload(Struct, frozen=True):
    """Products that go with ``because_of``, best first."""

    because_of: list[str]
    products: list[Recommended]


class ProductRecommendation(Agent, frozen=True):
    """looks_min: how often the products of a visit must have been looked at beside others.

    together_min: orders in which two products must have met. popular_min: looks that make a product
    popular, of late; an order counts for five. products_min, _max: how many.
    """

    listens: ClassVar = (ProductViewed, ProductAdded, OrderPlaced)
    says: ClassVar = {"product_recommendation": ProductRecommendationPayload}
    reads_products: ClassVar = True
    reads_visits: ClassVar = True
    keeps: ClassVar = Popular

    purpose: Purpose | Literal["internal"] = "personalisation"
    pause_hours: float = 0.0
    quiet_hours: float = 7 * 24.0
    looks_min: Annotated[int, Meta(ge=1)] = 20
    together_min: int = 3
    popular_min: Annotated[int, Meta(ge=1)] = 50
    products_min: int = 3
    products_max: int = 5

    def on_event(
        self, event: ProductViewed | ProductAdded | OrderPlaced, customer: View
    ) -> Iterable[Act] | Enter:
        """Recommend what goes with the look, or with the whole order; and count what is liked."""
        said = customer.row.said.get(self.name)
        quiet = said is not None and (
            customer.at - said.sent_at < self.quiet_hours * HOUR
            # The gate has refused and would again: ask it once in a visit, for a list takes time.
            or (said.refusal != "" and customer.row.session.products > 1)
        )
        if isinstance(event, OrderPlaced):
            lines = [(it.product_id, it.category) for it in event.products]
            bought = [Enter(Bought(lines, customer.at, ORDER_WEIGHT))] if lines else []
            return bought if quiet else [*bought, *self._after_order(event, customer)]
        entered = Enter(Looked(event.product_id, event.category, customer.at))
        wishes = [] if quiet else [*self._after_look(event, customer)]
        return [entered, *wishes] if wishes else entered

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: without what they have bought since, or cannot buy any more."""
        payload = held.payload
        if not isinstance(payload, ProductRecommendationPayload):
            return None
        without = {*_owned(customer.row), *sold_out(customer.ledgers)}
        left = [it for it in payload.products if it.product_id not in without]
        if len(left) < self.products_min:
            return None
        return replace(held, payload=replace(payload, products=left))

    def shown(self, customer: View, products_max: int) -> tuple[str, list[Recommended]]:
        """By which rule, and what a storefront may show beside what is in view at this moment.

        What the visit has held before may be shown again: visitors go back.
        """
        without = {*_owned(customer.row), *[*customer.visit][:1]}
        gone = sold_out(customer.ledgers)
        if self._looks(customer) >= self.looks_min:
            chosen = next_looks(customer.visit, without, products_max, gone)
            if len(chosen) >= self.products_min:
                return "looked_at_together", chosen
        liked = next(iter(customer.row.categories.shares()), ALL)
        ledger = customer.ledger(Popular)
        return "popular", popular(ledger, liked, self.popular_min, without, products_max, gone)

    def _after_look(self, event: ProductViewed | ProductAdded, customer: View) -> Iterable[Act]:
        product_id, visit = event.product_id, customer.visit
        without, gone = {*_owned(customer.row), *visit}, sold_out(customer.ledgers)
        looks = self._looks(customer)
        if looks >= self.looks_min:
            chosen = next_looks(visit, without, self.products_max, gone)
            if len(chosen) >= self.products_min:
                yield self._say(event, "looked_at_together", list(visit), chosen, "looks_min")
                return
        chosen = self._together([product_id], customer, without)
        if len(chosen) >= self.products_min:
            yield self._say(event, "bought_together", [product_id], chosen, "together_min")
            return
        if looks or customer.products[product_id].orders:
            return  # It is not new: soon more will be known of it, and this would be their one.
        ledger = customer.ledger(Popular)
        chosen = popular(ledger, event.category, self.popular_min, without, self.products_max, gone)
        if len(chosen) >= self.products_min:
            yield self._say(event, "popular", [product_id], chosen, "popular_min")

    def _after_order(self, event: OrderPlaced, customer: View) -> Iterable[Act]:
        at_hand = [item.product_id for item in event.products]
        chosen = self._together(at_hand, customer, {*_owned(customer.row), *at_hand})
        if len(chosen) >= self.products_min:
            yield self._say(event, "bought_together", at_hand, chosen, "together_min")

    def _looks(self, customer: View) -> int:
        """How often the products of a visit were looked at beside others, all together."""
        return sum(it.beside.looks for it in customer.visit.values() if it.beside) // LOOK

    def _together(self, at_hand: list[str], customer: View, without: set[str]) -> list[Recommended]:
        return bought_together(
            customer.products,
            at_hand,
            self.together_min,
            without,
            self.products_max,
            sold_out(customer.ledgers),
        )

    def _say(
        self, event: ProductViewed | ProductAdded | OrderPlaced, reason: str, at_hand: list[str],
        chosen: list[Recommended], least: str,
    ) -> Say:  # fmt: skip
        return Say(
            reason=reason,
            payload=ProductRecommendationPayload(at_hand[: self.products_max], chosen),
            evidence=Evidence(
                events=(event.event_id,),
                values={"best_score": chosen[0].score},
                thresholds={least: getattr(self, least), "products_min": self.products_min},
            ),
        )


def _owned(row: Customer) -> Iterable[str]:
    """What they have bought of late, or have in the cart."""
    yield from row.bought
    yield from row.cart
    for key in row.trail:
        if key[0] == trail.BOUGHT:
            yield key[1:]

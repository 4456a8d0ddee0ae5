"""What goes with it? Products that other customers bought together with the one at hand.

Learned from the partition's own orders as they come (``state/product.py``), so a replay recommends
the same. The agent speaks at most once in ``quiet_hours`` to a customer, and only when enough
neighbours were seen often enough: one that spoke at every page view would be noise.
"""

from collections.abc import Iterable
from typing import ClassVar, Literal

from msgspec import Struct
from msgspec.structs import replace

from agents.agent import Act, Agent, Say, View
from schemas.clickstream import ProductAdded, ProductViewed
from schemas.decisions import Evidence
from schemas.instant import HOUR
from schemas.orders import OrderPlaced
from schemas.profiles import Purpose


class Recommended(Struct, frozen=True):
    """One product; score: the share of orders with the product at hand that had this one too.

    With several products at hand their shares are added up.
    """

    product_id: str
    score: float


class ProductRecommendationPayload(Struct, frozen=True):
    """Products that go with ``because_of``, best first."""

    because_of: list[str]
    products: list[Recommended]


class ProductRecommendation(Agent, frozen=True):
    """together_min: orders in which two products must have met. products_min, _max: how many."""

    listens: ClassVar = (ProductViewed, ProductAdded, OrderPlaced)
    says: ClassVar = {"product_recommendation": ProductRecommendationPayload}
    reads_products: ClassVar = True

    purpose: Purpose | Literal["internal"] = "personalisation"
    pause_hours: float = 0.0
    quiet_hours: float = 7 * 24.0
    together_min: int = 3
    products_min: int = 3
    products_max: int = 5

    def on_event(
        self, event: ProductViewed | ProductAdded | OrderPlaced, customer: View
    ) -> Iterable[Act]:
        """Recommend what goes with the product, or with the order as a whole."""
        said = customer.row.said.get(self.name)
        if said is not None and customer.at - said.sent_at < self.quiet_hours * HOUR:
            return
        if isinstance(event, OrderPlaced):
            at_hand = [item.product_id for item in event.products]
        else:
            at_hand = [event.product_id]
        best = self._best(at_hand, customer)
        if len(best) < self.products_min:
            return
        yield Say(
            reason="bought_together",
            payload=ProductRecommendationPayload(at_hand[: self.products_max], best),
            evidence=Evidence(
                events=(event.event_id,),
                values={"best_score": best[0].score},
                thresholds={"together_min": self.together_min, "products_min": self.products_min},
            ),
        )

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: without what they have bought or put into the cart since."""
        payload = held.payload
        if not isinstance(payload, ProductRecommendationPayload):
            return None
        has = {*customer.row.bought, *customer.row.cart}
        left = [it for it in payload.products if it.product_id not in has]
        if len(left) < self.products_min:
            return None
        return replace(held, payload=replace(payload, products=left))

    def _best(self, at_hand: list[str], customer: View) -> list[Recommended]:
        """Sum each neighbour's confidence over the products at hand; leave out what they have."""
        has = {*at_hand, *customer.row.bought, *customer.row.cart}
        scores: dict[str, float] = {}
        for product_id in dict.fromkeys(at_hand):
            product = customer.products[product_id]
            for other, together in product.neighbours.items():
                if together >= self.together_min and other not in has:
                    scores[other] = scores.get(other, 0.0) + together / product.orders
        ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
        return [Recommended(it, round(score, 4)) for it, score in ranked[: self.products_max]]

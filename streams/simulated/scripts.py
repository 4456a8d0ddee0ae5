"""What does a customer of the simulated shop do? Scripts: visits, the life of an order, opinions.

A script is a generator of (topic, event). It writes an event down only when it is asked for the
next one, so whoever plays several scripts at once decides when each of their events happens.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, get_args

from schemas.clickstream import (
    CheckoutStarted,
    PageViewed,
    ProductAdded,
    ProductRemoved,
    ProductShared,
    ProductsSearched,
    ProductViewed,
    ProductWishlisted,
    StockAlertRequested,
)
from schemas.codec import RAW_UNIONS
from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE, SECOND
from schemas.orders import (
    Item,
    OrderCancelled,
    OrderDelivered,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    PointsRedeemed,
)
from schemas.profiles import (
    ConsentChanged,
    MessageBounced,
    MessageClicked,
    MessageOpened,
    MessageSent,
    MessageUnsubscribed,
    ProfileUpdated,
)
from schemas.reviews import (
    CaseClosed,
    QuestionAnswered,
    QuestionAsked,
    ReviewEdited,
    ReviewPosted,
    SurveyAnswered,
)
from schemas.shop_events import ShopEvent
from streams.simulated.shop import CURRENCY, GOES_WITH, LINES, Line, Product, Shopper, pick

Fact = tuple[str, Event | ShopEvent]
Script = Iterator[Fact]

TOPICS = {kind: topic for topic, union in RAW_UNIONS.items() for kind in get_args(union)}

# One review in ten has a rating of 2 or less.
RATINGS = {1: 5, 2: 5, 3: 15, 4: 35, 5: 40}
OPINIONS = {
    1: "Broke on the first evening. I want my money back.",
    2: "Not what the pictures promise, and it came late.",
    3: "Does what it should, no more.",
    4: "Good value, would buy it again.",
    5: "The best one I have had so far.",
}
CARE_QUESTION = "How do I clean it?"
COMPLAINT = "It broke. What will you do about it?"


class Pen:
    """Writes events down: under which id, and when.

    prefix: stands before all ids. at: event time, which pauses move on; with ``own_clock`` they do
    not, because then somebody else sets it.
    """

    def __init__(self, prefix: str, at: int, rng: Random, *, own_clock: bool = True) -> None:
        self.at = at
        self.rng = rng
        self._prefix = prefix
        self._own_clock = own_clock
        self._written = 0

    def write(self, shopper: Shopper, kind: type[Event], **fields: Any) -> Fact:
        """One event of this shopper, at this moment."""
        return TOPICS[kind], kind(
            event_id=self.fresh_id(),
            occurred_at=self.at,
            customer_id=shopper.customer_id,
            **fields,
        )

    def pause(self, shortest_ms: int, longest_ms: int) -> None:
        """Let time pass."""
        pause_ms = self.rng.randint(shortest_ms, longest_ms)
        if self._own_clock:
            self.at += pause_ms

    def chance(self, probability: float) -> bool:
        """Whether something happens that does so with this probability."""
        return self.rng.random() < probability

    def fresh_id(self) -> str:
        """An id that this pen has not used."""
        self._written += 1
        return f"{self._prefix}-{self._written}"


def arrival(pen: Pen, shopper: Shopper) -> Script:
    """A customer opens an account, and says what the shop may do with it."""
    yield pen.write(
        shopper,
        ProfileUpdated,
        birthday=shopper.birthday,
        locale=shopper.locale,
        time_zone=shopper.time_zone,
        country=shopper.locale[-2:],
        traits={"source": "simulation"},
    )
    for purpose in ("marketing", "personalisation"):
        pen.pause(SECOND, MINUTE)
        granted = getattr(shopper, purpose)
        yield pen.write(shopper, ConsentChanged, purpose=purpose, granted=granted)


def visit(pen: Pen, shopper: Shopper, *, buys: bool) -> Script:
    """A session: something catches the eye, what goes with it does too, and perhaps it is bought.

    An order takes all that is in the cart, also from visits before. One visit in two that does not
    end with an order leaves something in the cart.
    """
    rng = pen.rng
    yield pen.write(shopper, PageViewed, url="https://simulation.example/")
    main = pick(rng, shopper)
    if pen.chance(0.4):
        pen.pause(5 * SECOND, 30 * SECOND)
        found = pen.chance(0.95)
        query = main.category if found else "gift card"
        count = len(LINES) if found else 0
        yield pen.write(shopper, ProductsSearched, query=query, result_count=count)
    looked_at = [main, *rng.sample(GOES_WITH[main.product_id], rng.randint(1, 4))]
    if pen.chance(0.3):
        looked_at.append(pick(rng, shopper))
    for product in looked_at:
        pen.pause(5 * SECOND, 90 * SECOND)
        yield pen.write(shopper, ProductViewed, **_about(product))
        if pen.chance(0.05):
            pen.pause(SECOND, 20 * SECOND)
            yield pen.write(shopper, ProductWishlisted, **_about(product))
        if pen.chance(0.02):
            pen.pause(SECOND, 20 * SECOND)
            yield pen.write(shopper, ProductShared, share_via="email", **_about(product))
        if pen.chance(0.02):
            pen.pause(SECOND, 20 * SECOND)
            yield pen.write(shopper, StockAlertRequested, **_about(product))
    if buys or pen.chance(0.5):
        yield from _fill_cart(pen, shopper, looked_at)
        if buys or pen.chance(0.3):
            yield from _check_out(pen, shopper, buys=buys)


def _about(product: Product) -> dict[str, Any]:
    return {
        "product_id": product.product_id,
        "category": product.category,
        "price_cents": product.price_cents,
        "currency": CURRENCY,
    }


def _fill_cart(pen: Pen, shopper: Shopper, looked_at: list[Product]) -> Script:
    for product in looked_at:
        in_cart = any(line.product == product for line in shopper.cart)
        if in_cart or (product != looked_at[0] and pen.chance(0.35)):
            continue
        pen.pause(5 * SECOND, 90 * SECOND)
        line = Line(product, 2 if pen.chance(0.1) else 1)
        shopper.cart.append(line)
        yield pen.write(shopper, ProductAdded, quantity=line.quantity, **_about(product))
    if len(shopper.cart) > 1 and pen.chance(0.15):
        pen.pause(5 * SECOND, 90 * SECOND)
        line = shopper.cart.pop(pen.rng.randrange(len(shopper.cart)))
        yield pen.write(shopper, ProductRemoved, quantity=line.quantity, **_about(line.product))


def _check_out(pen: Pen, shopper: Shopper, *, buys: bool) -> Script:
    order_id = pen.fresh_id()
    pen.pause(10 * SECOND, 3 * MINUTE)
    yield pen.write(shopper, CheckoutStarted, order_id=order_id)
    if not buys:
        return
    pen.pause(MINUTE, 5 * MINUTE)
    if pen.chance(0.1):
        pen.pause(SECOND, MINUTE)
        yield pen.write(shopper, PointsRedeemed, points=pen.rng.randint(1, 9) * 50)
    items = tuple(
        Item(it.product.product_id, it.quantity, it.product.price_cents, it.product.category,
             it.product.name)
        for it in shopper.cart
    )  # fmt: skip
    shopper.cart.clear()
    total_cents = sum(item.price_cents * item.quantity for item in items)
    coupons = ("SIM-TEN-PERCENT",) if pen.chance(0.05) else ()
    yield pen.write(
        shopper,
        OrderPlaced,
        order_id=order_id,
        products=items,
        currency=CURRENCY,
        total_cents=total_cents - total_cents // 10 if coupons else total_cents,
        coupons=coupons,
    )


def fulfilment(pen: Pen, shopper: Shopper, order: OrderPlaced) -> Script:
    """What becomes of an order: cancelled, or shipped, delivered, sent back, reviewed."""
    order_id = order.order_id
    pen.pause(10 * MINUTE, 30 * HOUR)
    if pen.chance(0.04):
        yield pen.write(shopper, OrderCancelled, order_id=order_id)
        return
    yield pen.write(shopper, OrderShipped, order_id=order_id, promised_at=pen.at + 3 * DAY)
    pen.pause(DAY, 4 * DAY)
    yield pen.write(shopper, OrderDelivered, order_id=order_id)
    item = pen.rng.choice(order.products)
    if pen.chance(0.08):
        pen.pause(DAY, 7 * DAY)
        if pen.chance(0.5):
            yield pen.write(shopper, OrderRefunded, order_id=order_id)
        else:
            cents = item.price_cents * item.quantity
            yield pen.write(
                shopper, OrderRefunded, order_id=order_id, refund_cents=cents, products=(item,)
            )
    if pen.chance(0.5):
        pen.pause(DAY, 7 * DAY)
        yield from opinion(pen, shopper, item.product_id, order_id)


def opinion(pen: Pen, shopper: Shopper, product_id: str, order_id: str | None) -> Script:
    """A review, sometimes with second thoughts, a question or a survey.

    order_id: None for something that was bought before the simulation began.
    """
    rating = pen.rng.choices(list(RATINGS), list(RATINGS.values()))[0]
    about = {"product_id": product_id, "order_id": order_id}
    review = {**about, "review_id": pen.fresh_id(), "rating": rating}
    yield pen.write(shopper, ReviewPosted, text=OPINIONS[rating], **review)
    if pen.chance(0.1):
        pen.pause(HOUR, DAY)
        yield pen.write(shopper, ReviewEdited, text=f"{OPINIONS[rating]} Edited.", **review)
    if rating <= 2 and pen.chance(0.7):
        pen.pause(HOUR, 3 * DAY)
        yield pen.write(shopper, CaseClosed)
    if pen.chance(0.1):
        pen.pause(MINUTE, DAY)
        yield from _question(pen, shopper, about, complains=rating <= 2)
    if pen.chance(0.1):
        pen.pause(MINUTE, DAY)
        yield pen.write(
            shopper, SurveyAnswered, survey_id=pen.fresh_id(), score=2 * rating, order_id=order_id
        )


def _question(
    pen: Pen, shopper: Shopper, about: dict[str, str | None], *, complains: bool
) -> Script:
    question_id = pen.fresh_id()
    text, kind = (COMPLAINT, "complaint") if complains else (CARE_QUESTION, "question")
    yield pen.write(shopper, QuestionAsked, question_id=question_id, text=text, about=kind, **about)
    if pen.chance(0.7):
        pen.pause(10 * MINUTE, 2 * DAY)
        yield pen.write(shopper, QuestionAnswered, question_id=question_id)


def newsletter(pen: Pen, shopper: Shopper) -> Script:
    """A message of the shop's own, and what becomes of it."""
    message = {"message_id": pen.fresh_id(), "channel": "email"}
    yield pen.write(shopper, MessageSent, **message)
    pen.pause(SECOND, HOUR)
    if pen.chance(0.05):
        yield pen.write(shopper, MessageBounced, **message)
    elif pen.chance(0.4):
        yield pen.write(shopper, MessageOpened, **message)
        pen.pause(SECOND, MINUTE)
        if pen.chance(0.3):
            yield pen.write(shopper, MessageClicked, **message)
        elif pen.chance(0.05):
            shopper.subscribed = False
            yield pen.write(shopper, MessageUnsubscribed, **message)

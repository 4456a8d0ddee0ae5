"""How many points does a customer have, and which of them end soon? Earned, redeemed, reversed.

The rules, for whoever wants to count again:

1.  **Earned.** An order earns ``points_per_unit`` for each whole ``unit_cents`` of what was paid
    (``unit_cents_of`` has other units for other currencies). What is left over earns nothing, and
    is not carried over to the next order.
2.  **Reversed.** After a refund the order is worth what its rest would have earned, and the
    difference is reversed; after a cancellation, or a refund that names no amount, it is worth
    nothing. So all refunds of an order together reverse what it earned, and never more. A refund
    may come before its order. ``loyalty/kept_orders.py`` says how many orders are kept,
    ``refund_days`` how long: what goes back of another order reverses nothing.
3.  **Lots.** The points of the orders that were placed in one calendar month (in ``time_zone``) are
    one lot, by the order's own time. It ends at the midnight ``expiry_months`` months, or
    ``expiry_days`` days, after the month's end; what occurs at that moment finds it ended. With
    both 0 the points never end. A lot that arrives when it has ended expires at once.
4.  **Redeemed.** The oldest lot first. What is not there is owed.
5.  **Reversed from where?** From the lot of the order's month, then from the oldest ones; the rest
    is owed. So it is as if the order had never earned anything, unless lots ended in between.
6.  **Owed.** What is earned pays off what is owed, before it comes into a lot.
7.  **Time.** Events count in the order in which they arrive. Before one counts, what has ended by
    its own time expires; after it, what has ended by the customer's newest event; and at each
    tick, what has ended by then.

Points that were spent on an order stay redeemed when it goes back: programmes differ in this.
``loyalty/points_book.py`` has the sums, and the law that they keep. One lot is told of once, and
the notice is about the points that are left of it.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import Act, Note, Remember, Say, Timer, View
from agents.calendar.months import midnight, month_of
from agents.loyalty.kept_orders import gone_back, ordered, pruned
from agents.loyalty.points_book import NEVER, Book, Lot
from agents.loyalty.programme import Programme, waking
from schemas.decisions import Evidence
from schemas.instant import DAY, LATEST, to_text
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded, PointsRedeemed

EXPIRY, NOTICE = "expiry", "notice"
EXPIRING = "points_expiring"


class PointsExpiringPayload(Struct, frozen=True):
    """points: that many end at ``expires_at``; available: of so many in all."""

    points: int
    expires_at: str
    available: int


class PointsExpired(Struct, frozen=True):
    """points: that many have ended; available: so many are left."""

    points: int
    available: int


class PointsOwed(Struct, frozen=True):
    """points: that many more are owed than before; owed: so many in all."""

    points: int
    owed: int


class Points(Programme, frozen=True):
    """expiry_months, expiry_days: when a lot ends, after the end of its month.

    expiring_days: how long before that it is told of; 0: not at all. points_min: lots with less are
    not told of.
    """

    listens: ClassVar = (OrderPlaced, OrderCancelled, OrderRefunded, PointsRedeemed)
    remembers: ClassVar = Book
    says: ClassVar = {EXPIRING: PointsExpiringPayload}

    expiry_months: Annotated[int, Meta(ge=0, le=60)] = 12
    expiry_days: Annotated[int, Meta(ge=0, le=1_830)] = 0
    expiring_days: Annotated[int, Meta(ge=0, le=1_000)] = 30
    points_min: Annotated[int, Meta(ge=1)] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.expiry_months and self.expiry_days:
            raise ValueError(
                f"expiry_months is {self.expiry_months} and expiry_days is {self.expiry_days}: one"
                " of them has to be 0"
            )
        # The shortest stretch of so many months; and with it what is reversed is there still, or
        # was redeemed. A day begins elsewhere in another zone, and has 23 hours at times.
        days = self.expiry_days or 365 * self.expiry_months // 12 - 2
        if self.ends and days < self.refund_days + 2:
            name = ("expiry_months", "expiry_days")[self.expiry_days > 0]
            raise ValueError(
                f"{name} is {getattr(self, name)}, which may be {days} days, and refund_days is"
                f" {self.refund_days}: points have to live 2 days longer than that at least"
            )

    @property
    def ends(self) -> bool:
        """Whether points end at all."""
        return bool(self.expiry_months or self.expiry_days)

    def on_event(
        self, event: OrderPlaced | OrderCancelled | OrderRefunded | PointsRedeemed, customer: View
    ) -> Iterable[Act]:
        """Let expire what has ended; then earn, redeem or reverse."""
        if event.customer_id is None:
            return  # A visitor has no account.
        before = customer.recall(Book)
        at = event.occurred_at
        newest_at = max(at, customer.row.last_seen_at)
        young = pruned(before.orders, newest_at, self.refund_days)
        book = replace(before.ended(at, self._end_of), orders=young)
        match event:
            case OrderPlaced():
                unit = self.unit_of(event.currency)
                month = month_of(at, self.time_zone) if self.ends else NEVER
                orders, it = ordered(book.orders, event, month, unit, self.points_per_unit)
                book = replace(book, orders=orders).earn(month, it.gained).reverse(month, it.lost)
            case PointsRedeemed():
                book = book.redeem(event.points)
            case _:
                orders, it = gone_back(book.orders, event, self.points_per_unit)
                book = replace(book, orders=orders).reverse(it.month, it.lost)
        orders = pruned(book.orders, newest_at, self.refund_days)
        book = replace(book.ended(newest_at, self._end_of), orders=orders)
        yield from self._kept(before, book, customer, (event.event_id,))

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Let expire what has ended, and tell of the next lot that ends soon."""
        before = customer.recall(Book)
        book = before.ended(customer.at, self._end_of)
        for lot in self._untold(book):
            if self._told_at(lot) > customer.at:
                break
            book = book.told(lot.month)
            if lot.points >= self.points_min:
                yield self._notice(lot, book, customer.at)
                break  # One at a time; the next one has a message of its own.
        yield from self._kept(before, book, customer, ())

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: what is left of the lot by then."""
        book = customer.recall(Book)
        for lot in book.lots:
            if self._end_of(lot.month) == held.expires_at:
                return self._notice(lot, book, customer.at)
        return None

    def _kept(
        self, before: Book, book: Book, customer: View, events: tuple[str, ...]
    ) -> Iterable[Act]:
        """Remember the book, wait for what comes next, and note what has ended or is owed."""
        if book != before:
            yield Remember(None if book == Book() else book)
        evidence = Evidence(events=events)
        if expired := book.expired - before.expired:
            yield Note(
                reason="points_expired", payload=PointsExpired(expired, book.available),
                evidence=evidence,
            )  # fmt: skip
        if (owed := book.owed - before.owed) > 0:
            yield Note(reason="points_owed", payload=PointsOwed(owed, book.owed), evidence=evidence)
        clock_at = customer.shop.clock_at
        expiry_at = self._end_of(book.lots[0].month) if book.lots else LATEST
        notice_at = LATEST
        for lot in self._untold(book):
            if (notice_at := self._told_at(lot)) > clock_at:
                break
            expiry_at = notice_at
        # What is late for its moment is done at the next tick. Of history nothing is: there this
        # timer is dropped, and the other one waits for what is still to come.
        yield waking(EXPIRY, max(expiry_at, clock_at + 1))
        yield waking(NOTICE, notice_at if notice_at > clock_at else LATEST)

    def _notice(self, lot: Lot, book: Book, at: int) -> Say:
        end = self._end_of(lot.month)
        return Say(
            kind=EXPIRING,
            reason="points_unused",
            payload=PointsExpiringPayload(lot.points, to_text(end), book.available),
            expires_at=end,
            evidence=Evidence(
                values={"points": lot.points, "left_days": round((end - at) / DAY, 2)},
                thresholds={"points_min": self.points_min, "expiring_days": self.expiring_days},
            ),
        )

    def _untold(self, book: Book) -> list[Lot]:
        """The lots that are to be told of, in the order in which they end."""
        if not self.expiring_days:
            return []
        return [lot for lot in book.lots if not lot.is_told and lot.month != NEVER]

    def _end_of(self, month: int) -> int:
        """When the lot of a month ends, under the settings as they are now."""
        if month == NEVER or not self.ends:
            return LATEST
        return midnight(month + 1 + self.expiry_months, self.time_zone, self.expiry_days)

    def _told_at(self, lot: Lot) -> int:
        if lot.month == NEVER or not self.ends:
            return LATEST
        days = self.expiry_days - self.expiring_days
        return midnight(lot.month + 1 + self.expiry_months, self.time_zone, days)

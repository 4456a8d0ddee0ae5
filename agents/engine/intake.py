"""How does an event get into the row? Once, in the shop's currency, and counted for the effect.

The law: what is known already changes nothing, and what can't be understood yet leaves nothing.
"""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct

from agents.agent import END_OF_ROW, View
from agents.engine.batch import Batch
from agents.engine.teller import Teller
from schemas.event import ANONYMOUS
from schemas.instant import DAY, MINUTE
from schemas.journal import Entry
from schemas.profiles import ErasureRequested
from schemas.reviews import Review
from state.customer import Customer
from state.fold import REPORTS, fold, is_known
from state.fold_grievances import complained_of
from state.outcome import OUTCOMES, count_outcome


class EngineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings in ``[engine]``.

    lateness_minutes: an event this much older than the clock is folded, but nothing is said on it.
    anonymous_days, retention_days: silence after which a visitor's, a customer's row ends.
    due_max: timers loaded for one commit; a tick with more takes several commits. fan_out_max:
    customers who are told of a product in one commit; one for which more wait takes several.
    currency: the shop's own, into which amounts are converted; empty: they count as they come.
    rate_days_max: how many days before an event its rate may be of, as weekends have none.
    share_seconds: how often partitions tell each other what was looked at; 0: never.
    """

    lateness_minutes: float = 60.0
    anonymous_days: float = 30.0
    retention_days: float = 1095.0
    due_max: Annotated[int, Meta(ge=1)] = 500
    fan_out_max: Annotated[int, Meta(ge=1)] = 500
    currency: Annotated[str, Meta(pattern="^([A-Z]{3})?$", max_length=3)] = ""
    rate_days_max: Annotated[int, Meta(ge=0)] = 7
    share_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 10.0


#: Ends a row on an erasure.
Erase = Callable[[Batch, View, Entry], None]


class Taken(Struct, frozen=True, gc=False):
    """An event that was folded. entry: in the shop's currency. is_news: nothing newer was known."""

    entry: Entry
    view: View
    late: bool
    is_news: bool


class Intake:
    """Folds events into rows. Holds settings, and no state.

    outcome_window: how long after an exposure something counts as its outcome, in milliseconds.
    erase: ends a row whose customer wants to be forgotten.
    """

    def __init__(
        self, settings: EngineSettings, teller: Teller, outcome_window: int, erase: Erase
    ) -> None:
        self.lateness = round(settings.lateness_minutes * MINUTE)
        self._settings = settings
        self._teller = teller
        self._outcome_window = outcome_window
        self._erase = erase

    def take_in(self, batch: Batch, entry: Entry) -> Taken | None:
        """Fold an event; None where there is nothing to be told about it."""
        event, shop = entry.event, batch.shop
        kind, at = type(event), event.occurred_at
        if shop.has_seen(entry.source):
            batch.count(kind, "duplicate")
            return None
        subject = event.customer_id or event.subject
        if kind in REPORTS and batch.customers[subject] is None:
            # Of somebody who was forgotten meanwhile, and no reason to begin a row again.
            batch.count(kind, "unknown")
            return None
        published = entry
        if self._teller.is_foreign(event):
            exchanged = self._teller.exchange(batch, entry, batch.customers[subject])
            if exchanged is None:
                batch.count(kind, "refused")
                return None
            entry = exchanged
        row = batch.customer(subject)
        if is_known(row, event):
            batch.count(kind, "duplicate")
            return None
        if kind is ErasureRequested:
            view = View(subject, at, row, shop, {}, batch.ledgers, "", batch.models)
            self._erase(batch, view, entry)
            batch.count(kind, "applied")
            return None
        if END_OF_ROW not in row.timers:
            self.set_end(batch, subject, row, at)
        late = at < shop.clock_at - self.lateness
        is_news = at >= row.last_seen_at
        self._fold(batch, row, entry)
        if entry is not published:
            self._teller.keep_original(row, published, entry)
        batch.count(kind, ("late" if late else "applied") if not entry.imported_at else "imported")
        view = View(
            subject, at, row, shop, {}, batch.ledgers, "", batch.models, reading=entry.reading
        )
        return Taken(entry, view, late, is_news)

    def _fold(self, batch: Batch, row: Customer, entry: Entry) -> None:
        event, refunded_before = entry.event, row.refunded_cents
        fold(row, event, batch.shop.rhythm)
        if entry.reading is not None and isinstance(event, Review):
            complained_of(row, event, entry.reading)
        # Nearly all events of those who have been told something are visits, and not the first.
        is_awaited = event.occurred_at <= row.visit_awaited_until
        if row.exposures and (is_awaited or type(event) in OUTCOMES):
            count_outcome(row, event, refunded_before, self._outcome_window, batch.counts)

    def set_end(self, batch: Batch, customer_id: str, row: Customer, seen_at: int) -> None:
        """Let the row end after a long silence."""
        due_at = max(seen_at, row.last_seen_at) + self._silence(customer_id)
        batch.set_timer(customer_id, row, END_OF_ROW, due_at)

    def is_over(self, customer_id: str, row: Customer, at: int) -> bool:
        """Whether nothing has been heard of the customer for so long that the row ends."""
        return row.last_seen_at + self._silence(customer_id) <= at

    def _silence(self, customer_id: str) -> int:
        anonymous = customer_id.startswith(ANONYMOUS)
        days = self._settings.anonymous_days if anonymous else self._settings.retention_days
        return round(days * DAY)

"""Who changes the money? Before an event is folded its amounts are put into the shop's currency.

The law: an amount whose rate is not known is refused, and becomes a dead letter that can be sent
again when the rate is there; nothing is made of the event until then.
"""

from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from agents.engine.batch import Batch
from schemas.dead_letter import Refusal
from schemas.event import CENTS_MAX, Event
from schemas.instant import DAY, to_text
from schemas.journal import Entry, Record, ShopEntry
from schemas.orders import OrderRefunded
from schemas.shop_events import RatePublished
from state.customer import Customer
from state.exchange import AMOUNTS, AmountTooLargeError, RateMissingError, exchanged, keep_original
from state.rates import Published, Rate, Rates

#: The ledger of the rates, after which no agent may be called.
RATES = "rates"


class Teller(Struct, frozen=True):
    """shop: the shop's own currency; empty: nothing is changed. days_max: how old a rate may be."""

    shop: str
    days_max: int

    def needs_rates(self, record: Record) -> bool:
        """Whether the rates are wanted for a record."""
        if not self.shop:
            return False
        if isinstance(record, ShopEntry):
            return isinstance(record.event, RatePublished)
        return isinstance(record, Entry) and self.is_foreign(record.event)

    def is_foreign(self, event: Event) -> bool:
        """Whether an event may have amounts in another currency than the shop's."""
        if not self.shop or type(event) not in AMOUNTS:
            return False
        # Of a refund its order may say so, which only the row knows.
        currency = getattr(event, "currency", None)
        return type(event) is OrderRefunded or currency not in (None, self.shop)

    def exchange(self, batch: Batch, entry: Entry, row: Customer | None) -> Entry | None:
        """The entry in the shop's currency; None where it is refused, which the batch notes."""

        def rate_on(currency: str, at: int) -> Fraction | None:
            return batch.ledgers.read(RATES, Rates).on(currency, at, self.days_max)

        try:
            event = exchanged(entry.event, row or Customer(), self.shop, rate_on)
        except AmountTooLargeError as error:
            detail = f"{error}; {CENTS_MAX} are allowed - at `$.currency`"
            batch.refused.append((entry, Refusal("amount_too_large", detail)))
            return None
        except RateMissingError as missing:
            day = to_text(entry.event.occurred_at)[:10]
            detail = (
                f"no rate of {missing} in {self.shop} is known for {day}, nor for the"
                f" {self.days_max} days before it - at `$.currency`"
            )
            batch.refused.append((entry, Refusal("rate_missing", detail)))
            return None
        return entry if event is entry.event else replace(entry, event=event)

    def keep_original(self, row: Customer, published: Entry, entry: Entry) -> None:
        """Note in the row what an order cost in its own currency."""
        keep_original(row, published.event, entry.event)

    def take_in(self, batch: Batch, event: RatePublished) -> None:
        """Note a rate, if it says what something is worth in the shop's currency."""
        if not self.shop or (event.per == self.shop) == (event.currency == self.shop):
            return
        inverse = event.currency == self.shop
        currency = event.per if inverse else event.currency
        rate = Rate(event.occurred_at // DAY, event.occurred_at, event.rate, inverse)
        batch.ledgers.enter(RATES, Rates, Published(currency, rate))

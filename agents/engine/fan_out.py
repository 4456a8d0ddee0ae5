"""Who is told of what happens to a product? Every customer for whom an agent awaits it, in order.

The law: a product's change is one record of the log, and all who wait for it are told there, as
they stand at that record. Where very many wait it takes several commits, with a cursor between
them; the product's row changes with the last one. How many are told at once makes no difference.

The last word on a product by event time counts. What comes late does not undo what came after, and
nobody is told of it.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from agents.engine.batch import Batch
from agents.engine.teller import Teller
from agents.product_change import ProductChange
from schemas.journal import Record, ShopEntry
from schemas.shop_events import ProductChanged, RatePublished, StockChanged
from state.fold import is_repeat
from state.product import changed
from state.sold_out import SOLD_OUT, note
from state.waiting import Waiters

#: Lets the agents of one customer hear of a change, by their id; and says whether that is late.
Tell = Callable[[Batch, ShopEntry, ProductChange, str, bool], None]


def news(batch: Batch, record: Record) -> ProductChange | None:
    """What those who wait for a product are to hear of; None where it is nothing, or nobody waits.

    How many there are of a product matters only where it comes back or is sold out.
    """
    if not isinstance(record, ShopEntry) or record.imported_at:
        return None
    event = record.event
    if isinstance(event, RatePublished) or event.product_id not in batch.awaited:
        return None
    before = batch.products[event.product_id]
    after = changed(before, event)
    if (before.available == 0) != (after.available == 0):
        return ProductChange(event, before, after)
    if (before.price_cents, before.currency) != (after.price_cents, after.currency):
        return ProductChange(event, before, after)
    return None


def stretch(records: Sequence[Record], awaited: AbstractSet[str]) -> int:
    """How many of the first records may be one batch, as far as it is known what is awaited.

    Where a product is awaited another batch begins. To find that out with each of very many, after
    all their rows have been loaded, would load them again and again.
    """
    if awaited:
        for place, record in enumerate(records):
            if place and isinstance(record, ShopEntry) and record.event.subject in awaited:
                return place
    return len(records)


def waiters_of(batch: Batch, record: Record, waiters_max: int) -> Waiters | None:
    """Whose rows are needed before the first record of a batch is applied; None: nobody's."""
    change = news(batch, record)
    if change is None:
        return None
    after = batch.shop.cursor if batch.continues() else ""
    return Waiters(change.product_id, after, waiters_max)


def take_in(batch: Batch, entry: ShopEntry, teller: Teller, lateness: int, tell: Tell) -> bool:
    """Fold an event of the shop, once; False where more are to be told than were loaded."""
    event, shop = entry.event, batch.shop
    kind = type(event)
    if not batch.continues() and _is_known(batch, entry):
        batch.count(kind, "duplicate")
        return True
    late = event.occurred_at < shop.clock_at - lateness
    if isinstance(event, RatePublished):
        teller.take_in(batch, event)
    else:
        batch.learned([event.product_id])
        if (change := news(batch, entry)) is not None:
            for customer_id in batch.waiters:
                tell(batch, entry, change, customer_id, late)
            shop.cursor = batch.waiters[-1] if batch.waiters_cut else ""
            if batch.waiters_cut:
                return False
        before = batch.products[event.product_id]
        after = batch.products[event.product_id] = changed(before, event)
        if isinstance(event, StockChanged) and batch.ledgers.has(SOLD_OUT):
            note(batch.ledgers, event.product_id, after)
        late = late or after is before
    fate = "late" if late else "applied"
    batch.count(kind, fate if not entry.imported_at else "imported")
    return True


def _is_known(batch: Batch, entry: ShopEntry) -> bool:
    """Whether the event has been taken in before; remembers it if not."""
    event = entry.event
    if batch.shop.has_seen(entry.source):
        return True
    is_a_products = isinstance(event, ProductChanged)
    return is_a_products and is_repeat(batch.products[event.subject], event.event_id)

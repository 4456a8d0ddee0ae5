"""What becomes of what happens in the shop? Each partition takes it in, on its own rows.

The law: the last word by event time counts; what comes late does not undo what came after.
"""

from agents.batch import Batch
from agents.teller import Teller
from schemas.journal import ShopEntry
from schemas.shop_events import RatePublished
from state.fold import is_repeat
from state.product import changed


def take_in(batch: Batch, entry: ShopEntry, teller: Teller, lateness: int) -> None:
    """Fold an event of the shop, once, and count it."""
    event, shop = entry.event, batch.shop
    kind = type(event)
    if shop.has_seen(entry.source):
        batch.count(kind, "duplicate")
        return
    is_late = event.occurred_at < shop.clock_at - lateness
    if isinstance(event, RatePublished):
        teller.take_in(batch, event)
    else:
        before = batch.products[event.product_id]
        if is_repeat(before, event.event_id):
            batch.count(kind, "duplicate")
            return
        after = batch.products[event.product_id] = changed(before, event)
        batch.learned([event.product_id])
        is_late = is_late or after is before
    fate = "late" if is_late else "applied"
    batch.count(kind, fate if not entry.imported_at else "imported")

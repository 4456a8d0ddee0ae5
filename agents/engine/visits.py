"""Which rows of products does a look want beside its own? Those of the visit under way.

The law: which they are is known only when the customers' rows are, so they are loaded second; and
an event sees those of its own visit, whatever else a batch has loaded.
"""

from collections.abc import Iterable

from agents.engine import sharing
from agents.engine.batch import Batch
from schemas.clickstream import ProductAdded, ProductViewed
from schemas.event import Event
from schemas.journal import Entry, Record
from state import beside
from state.customer import SESSION_GAP, Session
from state.product import Product
from state.visit import products_of, under_way

#: What counts as a look at a product.
LOOKS = frozenset((ProductViewed, ProductAdded))
#: After so many views in one visit, of products and pages, and products put into the cart, nothing
#: more is learned from it: that is no shopper, and the rows of products that a crawler makes up are
#: never let go.
VIEWS_MAX = 200
#: And after so many, other partitions learn nothing of it: each would have those rows, too.
SHARED_VIEWS_MAX = 50


def wanted(batch: Batch, records: Iterable[Record]) -> list[str]:
    """The products of visits that looks of a batch may go on with, of which it has no rows yet.

    A visit that is over before all that the batch knows of its customer cannot be gone on with.
    """
    first_at: dict[str, int] = {}
    lookers: dict[str, None] = {}
    for record in records:
        if isinstance(record, Entry):
            event = record.event
            who, at = event.customer_id or event.subject, event.occurred_at
            first_at[who] = min(at, first_at.get(who, at))
            if type(event) in LOOKS:
                lookers[who] = None
    found: dict[str, None] = {}
    for who in lookers:
        row = batch.customers[who]
        if row is not None and first_at[who] <= row.session.last_at + SESSION_GAP:
            found.update(dict.fromkeys(products_of(row)))
    return [it for it in found if it not in batch.products]


def before(batch: Batch, event: Event) -> list[str]:
    """What was looked at in the visit before an event that has not been folded, newest first."""
    return under_way(batch.customers[event.customer_id or event.subject], event.occurred_at)


def look(
    batch: Batch, visit: list[str], event: ProductViewed | ProductAdded, session: Session
) -> dict[str, Product]:
    """Learn from a look; returns the rows of the visit up to now, newest first.

    What is put into the cart was in view before: it counts beside the others once more. session:
    the visit, with this look; beyond ``VIEWS_MAX`` it teaches nothing.
    """
    products, product_id, earlier = batch.products, event.product_id, visit
    if isinstance(event, ProductAdded):
        earlier = [it for it in visit if it != product_id]
    views = session.views + session.adds
    if views <= VIEWS_MAX:
        if views <= SHARED_VIEWS_MAX:
            sharing.note(batch, earlier, event)
        batch.learned(beside.learn(products, earlier, product_id, event.occurred_at))
    return {it: products[it] for it in (product_id, *visit)}

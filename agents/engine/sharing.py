"""What does a partition learn from the visitors of others? Their looks, as records of its journal.

The law: it is learned from the record alone, and from each look once, however often it comes.
"""

from collections.abc import Iterable, Sequence

from agents.agent import Agent
from agents.engine.batch import Batch
from schemas.clickstream import ProductAdded, ProductViewed
from schemas.instant import DAY
from schemas.journal import LOOK_PRODUCTS_MAX, Look, LooksEntry, Record
from state import beside
from state.customer import RowError
from state.mixing import mixed
from state.popular import Looked, Popular
from state.shared_looks import SHARED_LOOKS, SharedLooks, Taken

#: Of so many looks the rows of products are loaded at once. A row has some 200 bytes, and a look at
#: most four that no other look names.
LOOKS_AT_ONCE = 2_000
#: From a record of so many looks all is learned. From one of more, as in a busy shop, what takes
#: longest is left out: nothing is handed on, and popularity is counted of a sample (ADR 18).
WHOLE_MAX = 100

#: A product, its category, and a day.
_Kind = tuple[str, str, int]


def keepers(agents: Iterable[Agent]) -> list[Agent]:
    """Who counts looks in a ledger of what is popular: they hear of those elsewhere too.

    What another ledger makes of a look, be it of a kind with this one, only its agent knows.
    """
    return [it for it in agents if it.keeps is Popular and ProductViewed in it.listens]


def note(batch: Batch, visit: Sequence[str], event: ProductViewed | ProductAdded) -> None:
    """Keep a look for the other partitions, where that is wanted.

    visit: what was looked at before it, the newest first.
    """
    if batch.ledgers.has(SHARED_LOOKS):
        products = [event.product_id, *visit[: LOOK_PRODUCTS_MAX - 1]]
        number = batch.ledgers.read(SHARED_LOOKS, SharedLooks).number_at(batch.shop.clock_at)
        look = Look(number, event.occurred_at // DAY, event.category, products)
        batch.ledgers.enter(SHARED_LOOKS, SharedLooks, look)


def stretch(records: Sequence[Record]) -> int:
    """How many of the first records may be one batch, as far as looks elsewhere are concerned."""
    looks = 0
    for place, record in enumerate(records):
        if type(record) is LooksEntry:
            looks += sum(len(it.looks) for it in record.of)
            if place and looks > LOOKS_AT_ONCE:
                return place
    return len(records)


def named_in(entry: LooksEntry) -> Iterable[str]:
    """The products whose rows it may change."""
    for of in entry.of:
        for look in of.looks:
            if len(look.products) > 1:
                yield from look.products


def take_in(batch: Batch, entry: LooksEntry, keep: Iterable[Agent]) -> None:
    """Learn from what was looked at in other partitions."""
    ledger, popular = batch.ledgers.read(SHARED_LOOKS, SharedLooks), dict[_Kind, int]()
    looks = list(ledger.unknown(entry))
    is_whole = len(looks) <= WHOLE_MAX
    each = 1 if is_whole else len(looks) // WHOLE_MAX + 1
    for look in looks:
        product_id, *visit = look.products
        changed = beside.learn(batch.products, visit, product_id, look.day * DAY, hands_on=is_whole)
        batch.learned(changed)
        # Not each k-th, which could all be of one product.
        if is_whole or mixed(look.number) % each == 0:
            kind = product_id, look.category, look.day
            popular[kind] = popular.get(kind, 0) + each
    for agent in keep:
        for (product_id, category, day), weight in popular.items():
            _enter(batch, agent, Looked(product_id, category, day * DAY, weight))
    batch.ledgers.enter(SHARED_LOOKS, SharedLooks, Taken(entry))
    batch.counts["shared_looks/learned"] += len(looks)
    batch.counts["shared_looks/known"] += sum(len(it.looks) for it in entry.of) - len(looks)


def _enter(batch: Batch, agent: Agent, looked: Looked) -> None:
    """Make an entry. A ledger that cannot take it, as its policy has left it, stops nobody."""
    try:
        batch.ledgers.enter(agent.name, Popular, looked)
    except RowError:
        raise
    except Exception:  # noqa: BLE001 (an agent may have entered anything)
        batch.counts["shared_looks/failed"] += looked.weight

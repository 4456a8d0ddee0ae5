"""What may a storefront show a customer now? By the rows as the last commit has left them.

The same list as the policy would make: a look that was taken in a second ago is in it.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from msgspec import Struct

from agents.agent import Agent, View
from agents.engine.batch import Batch
from agents.product_recommendation import ProductRecommendation
from agents.products.choosing import Recommended
from state.redis_table import RedisTable
from state.sold_out import SOLD_OUT
from state.table import Needs, Table
from state.visit import products_of
from streams.partitioner import partition_of

PRODUCTS_MAX = 20


class Shown(Struct, frozen=True):
    """What may be shown. visit: the products of the last visit, newest first. reason: the rule."""

    customer_id: str
    visit: list[str]
    reason: str
    products: list[Recommended]


def asked(
    agents: Iterable[Agent], redis_url: str, partitions: int
) -> Callable[[str], Awaitable[Shown | None]] | None:
    """Who answers it of a customer; None where the policy that recommends is off."""
    for agent in agents:
        if isinstance(agent, ProductRecommendation):
            return partial(_look_up, redis_url, partitions, agent)
    return None


async def _look_up(
    redis_url: str, partitions: int, agent: ProductRecommendation, customer_id: str
) -> Shown | None:
    async with RedisTable(redis_url) as table:
        return await read(table, partition_of(customer_id, partitions), agent, customer_id)


async def read(
    table: Table, partition: int, agent: ProductRecommendation, customer_id: str
) -> Shown | None:
    """What may be shown now; None for somebody unknown. Raises StoreError and RowError.

    Between the two loads others may commit, which does no harm here.
    """
    first = await table.load(partition, Needs([customer_id], ledgers=[agent.name, SOLD_OUT]))
    batch = Batch(first, None)
    row = batch.customers[customer_id]
    if row is None:
        return None
    visit = products_of(row)
    batch.take(await table.load(partition, Needs(products=visit)))
    products = {it: batch.products[it] for it in visit}
    at = max(row.last_seen_at, batch.shop.clock_at)
    view = View(
        customer_id, at, row, batch.shop, {}, batch.ledgers, agent.name, batch.models, products
    )
    reason, chosen = agent.shown(view, PRODUCTS_MAX)
    return Shown(customer_id, visit, reason, chosen)

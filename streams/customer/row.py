"""What does Redis have of a customer? The row as it lies there, and what the partition has."""

from msgspec import Struct

from state.redis_table import RedisTable
from state.shop import Shop, decode_shop
from streams.partitioner import partition_of


class Kept(Struct, frozen=True):
    """The customer's row, not yet decoded, None for none; and the partition's own."""

    partition: int
    row: bytes | None
    shop: Shop


async def read(redis_url: str, partitions: int, customer_id: str) -> Kept:
    """Read them. Raises StoreError."""
    partition = partition_of(customer_id, partitions)
    async with RedisTable(redis_url) as rows:
        row = await rows.customer(partition, customer_id)
        shop = await rows.shop(partition)
    return Kept(partition, row, Shop() if shop is None else decode_shop(shop))


def unknown(customer_id: str) -> str:
    """What to say of somebody who has no row."""
    return (
        f"customer {customer_id!r} is not known: no event of theirs has been applied, or they were"
        " forgotten. A visitor's id begins with `anon:`; `ebbtide watch` shows ids"
    )

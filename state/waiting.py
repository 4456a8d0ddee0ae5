"""Who waits for which product, and how is that written down? In an index beside the rows.

The law: the index holds what the rows of the partition's customers say, no more and no less. It is
changed in the commit that changes a row, and a rebuilt partition has the same one.

An entry is one text: how long the product's id is, the id, and the customer's. So those who wait
for one product stand together, in order of their ids, whatever characters are in them.
"""

from msgspec import Struct


class Waiters(Struct, frozen=True):
    """Those of whom a batch needs the rows: they wait for a product, and come after a customer.

    waiters_max: so many of them at most.
    """

    product_id: str
    after: str
    waiters_max: int


def beginning(product_id: str) -> str:
    """How the entries of those begin who wait for a product; no other one begins so.

    >>> beginning("tea")
    '3:tea'
    """
    return f"{len(product_id)}:{product_id}"


def entry(product_id: str, customer_id: str) -> str:
    """Who waits for what, as it stands in the index.

    >>> entry("tea", "ann")
    '3:teaann'
    """
    return beginning(product_id) + customer_id


def customer_in(text: str) -> str:
    """Whose entry it is; empty where it is none.

    >>> customer_in("3:teaann")
    'ann'
    """
    length, colon, rest = text.partition(":")
    return rest[int(length) :] if colon and length.isdecimal() else ""

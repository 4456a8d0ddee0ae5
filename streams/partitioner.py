"""Which journal partition does a customer belong to? The one that the Java client would choose.

Kafka's default for keyed records is murmur2 of the key, made positive, modulo the partitions.
librdkafka's default is another one, so its producers are told ``murmur2_random``; this is for the
places that ask without producing.
"""

from functools import lru_cache

from aiokafka.partitioner import murmur2

_POSITIVE = 0x7FFFFFFF

#: The setting of librdkafka that agrees with ``partition_of``.
LIBRDKAFKA_PARTITIONER = "murmur2_random"


@lru_cache(
    maxsize=65_536
)  # murmur2 in Python takes microseconds a byte; a replay asks again and again.
def partition_of(customer_id: str, partitions: int) -> int:
    """The journal partition of a customer.

    >>> partition_of("ann", 4)
    2
    """
    return int(murmur2(customer_id.encode()) & _POSITIVE) % partitions

"""Which tests need Apache Kafka? Those with these marks; it is ``bench.apache_kafka`` that runs it."""

import pytest

from bench.apache_kafka import why_not

#: For tests that need it. Debian's Redis is another matter: see ``tests/chaos_shop.py``.
NEEDED = [
    pytest.mark.kafka,
    pytest.mark.skipif(why_not() is not None, reason=why_not() or ""),
]

"""Events of the shop: in every partition, once, and the last word by event time counts."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st
from partition import Partition, journal

from config.settings import Settings
from schemas.clickstream import PageViewed
from schemas.codec import decode_record, encode_json
from schemas.instant import HOUR
from schemas.journal import AnyFact, ShopEntry, Source, Tick
from schemas.shop_events import PriceChanged, RatePublished, StockChanged
from state.product import Product, changed
from streams.clock import Carried
from streams.commands.importing import _entry, _records
from streams.commands.publishing import outbound
from streams.ingest import Ingest
from streams.producer import Producer
from streams.replay import journal as placed

AT = 1_768_896_000_000  # 2026-01-20 08:00 UTC


def stock(event_id: str, available: int, at: int = AT, product_id: str = "tea") -> StockChanged:
    return StockChanged(product_id, available, event_id=event_id, occurred_at=at)


def price(event_id: str, cents: int, at: int = AT) -> PriceChanged:
    return PriceChanged("tea", cents, "EUR", event_id=event_id, occurred_at=at)


def rate(event_id: str) -> RatePublished:
    return RatePublished("SEK", "EUR", "0.0875", event_id=event_id, occurred_at=AT)


def ingest() -> Ingest:
    return Ingest(Settings(), cast(Producer, None), Carried(), 3)


def carried(reader: Ingest, topic: str, *events: Any, begin: int = 0) -> list[Any]:
    raw = [
        SimpleNamespace(value=encode_json(it), key=None, offset=offset, timestamp=AT, headers=())
        for offset, it in enumerate(events, begin)
    ]
    written, new, _, _ = reader._check(TP(topic, 0), raw)
    reader._known.add(new)
    return written


def test_each_event_of_the_shop_is_in_every_partition_under_the_key_of_what_it_is_about() -> None:
    written = carried(ingest(), "shop", stock("s1", 5), rate("r1"))

    assert [(it.partition, it.key) for it in written] == [
        (0, b"tea"), (1, b"tea"), (2, b"tea"), (0, b"SEK"), (1, b"SEK"), (2, b"SEK"),
    ]  # fmt: skip
    assert decode_record(written[1].value) == ShopEntry(stock("s1", 5), Source("shop", 0, 0, AT))


def test_an_event_of_the_shop_that_is_published_again_is_carried_once() -> None:
    reader = ingest()
    # A customer with the name of a product, or another product, may have an event of the same id.
    assert len(carried(reader, "shop", stock("e1", 5), stock("e1", 5), begin=0)) == 3
    assert carried(reader, "shop", stock("e1", 5), begin=2) == []
    page = PageViewed(event_id="e1", occurred_at=AT, customer_id="tea")
    assert len(carried(reader, "clickstream", page)) == 1
    assert len(carried(reader, "shop", stock("e1", 5, product_id="pot"), begin=3)) == 3


def test_a_replay_and_an_import_place_it_in_every_partition_too() -> None:
    fed = list(placed([stock("s1", 5), Tick(AT)], partitions=2))
    assert [partition for partition, _ in fed] == [0, 1, 0, 1]
    assert isinstance(fed[1][1], ShopEntry)

    imported = _records(_entry(stock("s1", 5), Source("import:1", 0, 0, 0), AT), 2)
    assert [it.partition for it in imported] == [0, 1]
    page: AnyFact = PageViewed(event_id="e1", occurred_at=AT, customer_id="ann")
    (one,) = _records(_entry(page, Source("import:1", 0, 1, 0), AT), 2)
    assert (one.partition, one.key) == (None, b"ann")


def test_it_is_published_on_its_topic_under_its_key() -> None:
    record = outbound(price("p1", 450), b"{}")
    assert (record.topic, record.key) == ("shop", b"tea")


def test_the_last_word_by_event_time_counts_for_stock_and_for_price() -> None:
    row = Product(2, {"pot": 1})
    for event in (stock("1", 5, AT), price("2", 450, AT - HOUR), stock("3", 0, AT - 1)):
        row = changed(row, event)
    assert row == Product(2, {"pot": 1}, 5, AT, 450, "EUR", AT - HOUR)
    assert changed(row, stock("4", 0, AT - 1)) is row
    assert changed(row, price("5", 1, AT - HOUR - 1)) is row
    # Of two with one time stamp the one that comes last counts.
    assert changed(row, stock("6", 0, AT)).available == 0


CHANGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99)), unique_by=lambda it: it[0])


@given(changes=CHANGES, order=st.randoms(use_true_random=False))
def test_stock_is_the_same_in_any_order_of_arrival(
    changes: list[tuple[int, int]], order: Any
) -> None:
    events = [stock(f"{late}", available, AT + late) for late, available in changes]
    rows = []
    for _ in range(2):
        row = Product()
        for event in events:
            row = changed(row, event)
        rows.append(row)
        order.shuffle(events)
    assert rows[0] == rows[1]


@pytest.mark.parametrize("batches", [1, 6])
def test_each_partition_folds_it_once_and_counts_it(batches: int) -> None:
    shop = Partition()
    records = journal(
        [stock("s1", 5), Tick(AT + 3 * HOUR), stock("s1", 5), price("p1", 450), stock("s2", 0, AT - 1),
         rate("r1")]
    )  # fmt: skip
    again = records[0]
    for begin in range(0, 6, 6 // batches):
        assert shop.feed(records[begin : begin + 6 // batches]) == []
    assert shop.feed([again]) == []

    row = shop.product("tea")
    assert row is not None
    assert (row.available, row.stock_at, row.price_cents, row.currency) == (5, AT, 450, "EUR")
    counters = {name: by for name, by in shop.state()["counters"].items() if "records" in name}
    assert counters == {
        "records/stock_changed/applied": 1, "records/stock_changed/duplicate": 2,
        "records/stock_changed/late": 1, "records/price_changed/late": 1,
        "records/rate_published/late": 1,
    }  # fmt: skip


def test_history_of_the_shop_is_folded_and_counted_as_imported() -> None:
    shop = Partition()
    shop.feed([ShopEntry(stock("s1", 5), Source("import:1", 0, 0, 0), AT)])
    row = shop.product("tea")
    assert row is not None
    assert row.available == 5
    assert shop.state()["counters"] == {"records/stock_changed/imported": 1}

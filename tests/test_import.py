"""History: rows, rhythms and timers as if Ebbtide had been there, and not a word about it."""

import gzip
from pathlib import Path
from typing import Any

import msgspec
from command_line import Ebbtide, FakeKafka
from partition import Partition

from agents.abandoned_cart import AbandonedCart
from agents.churn_alert import ChurnAlert
from agents.win_back_coupon import WinBackCoupon
from schemas.clickstream import ProductAdded
from schemas.codec import decode_record, encode_json
from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE
from schemas.journal import Entry, Source, Tick
from schemas.orders import Item, OrderPlaced
from schemas.reviews import ReviewPosted

NOW = 1_768_896_000_000  # 2026-01-20 08:00 UTC


def order(days_ago: float, customer: str = "ann") -> OrderPlaced:
    return OrderPlaced(
        event_id=f"order-{customer}-{days_ago}", customer_id=customer,
        occurred_at=NOW - round(days_ago * DAY), order_id=f"o-{customer}-{days_ago}",
        products=(Item("tea", price_cents=900),), currency="EUR",
    )  # fmt: skip


def added(at: int) -> ProductAdded:
    return ProductAdded(event_id=f"a{at}", customer_id="ann", occurred_at=at, product_id="tea")


def past(*events: Event, source: str = "import:1", at: int = NOW) -> list[Any]:
    """Journal entries, as an import writes them."""
    ordered = sorted(events, key=lambda it: it.occurred_at)
    return [Entry(it, Source(source, 0, place, 0), at) for place, it in enumerate(ordered)]  # type: ignore[arg-type]


def shop() -> Partition:
    return Partition(ChurnAlert(), WinBackCoupon(code_key="k"), AbandonedCart())


def test_the_journal_of_a_live_event_reads_as_before() -> None:
    live = Entry(order(1), Source("orders", 0, 7, NOW))
    assert b"imported_at" not in encode_json(live)
    assert decode_record(encode_json(live)) == live
    (history,) = past(order(1))
    assert decode_record(encode_json(history)).imported_at == NOW


def test_rows_come_out_as_if_ebbtide_had_been_there() -> None:
    orders = [order(it) for it in (400, 300, 200, 100, 10)]
    imported, lived = shop(), shop()
    imported.feed(past(*orders))
    for it in orders:
        lived.facts(it, begin=1_000 - round((NOW - it.occurred_at) / DAY))
    one, two = imported.row("ann"), lived.row("ann")
    assert one is not None
    assert two is not None
    assert one.order_count == 5
    names = ("order_count", "gap_hours", "spent_cents", "orders", "bought", "last_order_at")
    assert [getattr(one, it) for it in names] == [getattr(two, it) for it in names]


def test_nothing_is_said_about_what_is_past() -> None:
    it = shop()
    gone = [order(days, "bob") for days in (800, 780, 760, 740)]
    assert it.feed(past(*gone, added(NOW - 5 * HOUR))) == []
    assert it.feed([Tick(NOW), Tick(NOW + 40 * DAY)]) == []


def test_an_alert_that_is_due_later_comes_at_its_time() -> None:
    days = (110, 90, 70, 50, 30, 10)
    imported, lived = shop(), shop()
    imported.feed(past(*(order(it) for it in days)))
    lived.facts(*(order(it) for it in days))
    ticks = [Tick(NOW + it * DAY) for it in range(120)]
    said, expected = imported.feed(ticks), lived.feed(ticks)
    assert [it.kind for it in said][:1] == ["churn_alert"]
    assert [(it.id, it.decided_at) for it in said] == [(it.id, it.decided_at) for it in expected]


def test_a_timer_in_the_future_is_kept_and_one_in_the_past_is_not_set() -> None:
    it = shop()
    it.feed(past(added(NOW - 20 * MINUTE)))
    assert [said.kind for said in it.feed([Tick(NOW + HOUR)])] == ["abandoned_cart"]


def test_history_that_is_older_than_what_is_known_does_not_undo_it() -> None:
    it = shop()
    it.facts(added(NOW - 10 * MINUTE), Tick(NOW))
    it.feed(past(order(30), added(NOW - 3 * DAY)))
    row = it.row("ann")
    assert row is not None
    assert (row.order_count, row.last_seen_at) == (1, NOW - 10 * MINUTE)
    assert [said.kind for said in it.feed([Tick(NOW + HOUR)])] == ["abandoned_cart"]


def test_the_same_import_a_second_time_changes_nothing() -> None:
    it, entries = shop(), past(*(order(days) for days in range(60, 10, -5)))
    it.feed(entries[:6])  # It broke off here.
    it.feed(past(*(order(days) for days in range(60, 10, -5)), at=NOW + HOUR))
    row = it.row("ann")
    assert row is not None
    assert row.order_count == 10
    assert it.state()["counters"]["records/order_placed/duplicate"] == 6


# The command


def lines(*events: Event) -> bytes:
    return b"".join(encode_json(it) + b"\n" for it in events)


def sent(fake_kafka: FakeKafka) -> list[Entry]:
    entries = [decode_record(it.value) for it in fake_kafka.sent]
    return [it for it in entries if isinstance(it, Entry)]


def test_files_are_put_in_the_order_of_time(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    review = ReviewPosted(
        event_id="r", customer_id="ann", occurred_at=NOW - 15 * DAY, review_id="r",
        product_id="tea", rating=5,
    )  # fmt: skip
    (tmp_path / "orders.jsonl").write_bytes(lines(order(10), order(20)))
    (tmp_path / "reviews.jsonl.gz").write_bytes(gzip.compress(lines(review)))
    code, told, _ = ebbtide(
        "import", str(tmp_path / "orders.jsonl"), str(tmp_path / "reviews.jsonl.gz"), "--json"
    )
    assert code == 0
    assert msgspec.json.decode(told)["imported"] == 3
    assert [it.event.event_id for it in sent(fake_kafka)] == ["order-ann-20", "r", "order-ann-10"]
    assert [it.source.offset for it in sent(fake_kafka)] == [0, 1, 2]
    assert len({it.source.topic for it in sent(fake_kafka)}) == 1


def test_the_same_lines_are_the_same_source(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(order(10)))
    (tmp_path / "b.jsonl").write_bytes(lines(order(11)))
    for name in ("a", "a", "b"):
        ebbtide("import", str(tmp_path / f"{name}.jsonl"))
    one, again, other = (it.source.topic for it in sent(fake_kafka))
    assert one == again != other


def test_where_a_line_is_invalid_nothing_is_imported_unless_it_may_be_left_out(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_bytes(lines(order(10)) + b'{"type":"order_paid"}\n\n' + lines(order(5)))
    code, told, complained = ebbtide("import", str(file))
    assert code == 1
    assert "orders.jsonl:2: unknown_type" in complained
    assert "Nothing was imported" in told
    assert fake_kafka.sent == []
    code, _, _ = ebbtide("import", str(file), "--skip-invalid")
    assert code == 1
    assert len(sent(fake_kafka)) == 2


def test_a_dry_run_imports_nothing(ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_bytes(lines(order(10)))
    code, told, _ = ebbtide("import", str(file), "--dry-run")
    assert (code, fake_kafka.sent) == (0, [])
    assert "1 event could be imported" in told


def test_a_file_that_is_not_there_or_not_whole_is_one_clear_line(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    code, _, complained = ebbtide("import", str(tmp_path / "none.jsonl"))
    assert (code, complained.count("\n")) == (1, 1)
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(lines(*(order(it) for it in range(90))))[:-20])
    code, _, complained = ebbtide("import", str(cut))
    assert (code, fake_kafka.sent) == (1, [])
    assert "cut.jsonl.gz: cannot be read" in complained

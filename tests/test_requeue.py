"""A dead letter that was repaired counts as if its event had been good from the start."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import Ebbtide, FakeKafka
from partition import Partition

from agents.abandoned_cart import AbandonedCart
from agents.service_recovery import ServiceRecovery
from schemas.clickstream import ProductAdded
from schemas.codec import encode_json
from schemas.event import Event
from schemas.instant import HOUR, MINUTE
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from schemas.reviews import ReviewPosted

NOW = 1_768_896_000_000  # 2026-01-20 08:00 UTC


def order(event_id: str = "one", at: int = NOW) -> OrderPlaced:
    return OrderPlaced(
        event_id=event_id, customer_id="ann", occurred_at=at, order_id=event_id,
        products=(Item("tea", price_cents=900),), currency="EUR",
    )  # fmt: skip


def letter(value: object, **other: Any) -> bytes:
    """A line as `list --json` prints it, the value perhaps edited."""
    text = value.decode() if isinstance(value, bytes) else value
    known = {
        "at": "2026-01-20T08:00:00.000Z", "offset": 41, "reason": "not_json", "detail": "…",
        "hint": "…", "source_topic": "orders", "source_partition": 0, "source_offset": 7,
        "key": None, "value": text,
    }  # fmt: skip
    return msgspec.json.encode(known | other) + b"\n"


# What it does to a customer


def rows(*facts: Event | Tick) -> tuple[Any, list[str]]:
    it = Partition(AbandonedCart(), ServiceRecovery())
    said = it.facts(*facts)
    row = it.row("ann")
    assert row is not None
    # `said` tells when a trigger left, and what is repaired leaves later.
    of_the_way = {"event_ids", "said"}
    told = {it: getattr(row, it) for it in row.__struct_fields__ if it not in of_the_way}
    return told, sorted(decision.id for decision in said)


def test_repaired_in_time_it_gives_the_same_row_and_the_same_triggers() -> None:
    added = ProductAdded(event_id="a", customer_id="ann", occurred_at=NOW, product_id="tea")
    review = ReviewPosted(
        event_id="r", customer_id="ann", occurred_at=NOW + MINUTE, review_id="r",
        product_id="tea", rating=1,
    )  # fmt: skip
    later: list[Event | Tick] = [Tick(NOW + 2 * MINUTE), order("two", NOW + 3 * MINUTE)]
    end = Tick(NOW + 9 * HOUR)
    good = rows(added, review, *later, end)
    repaired = rows(added, *later, review, end)
    assert good[1] == repaired[1]
    assert good == repaired
    assert len(good[1]) == 1


def test_repaired_too_late_to_be_spoken_about_it_still_gives_the_same_row() -> None:
    review = ReviewPosted(
        event_id="r", customer_id="ann", occurred_at=NOW, review_id="r", product_id="tea", rating=5
    )
    late = Tick(NOW + 30 * 24 * HOUR)
    assert rows(order(), review, late)[0] == rows(order(), late, review)[0]


# The command


def requeue(ebbtide: Ebbtide, tmp_path: Path, *lines: bytes, also: str = "--json") -> Any:
    file = tmp_path / "letters.jsonl"
    file.write_bytes(b"".join(lines))
    code, told, complained = ebbtide("dead-letters", "requeue", "--file", str(file), also)
    return code, told, complained


def test_a_repaired_letter_is_sent_keyed_by_its_customer(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    code, told, _ = requeue(ebbtide, tmp_path, letter(encode_json(order())))
    assert code == 0
    assert msgspec.json.decode(told)["sent"] == 1
    (record,) = fake_kafka.sent
    assert (record.topic, record.key, record.value) == ("orders", b"ann", encode_json(order()))
    assert record.headers == [
        ("requeued_from", b"dead-letters/0/41"),
        ("requeued_for", b"not_json"),
    ]


def test_the_value_may_be_the_event_itself_or_base64(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    itself = msgspec.json.decode(encode_json(order()))
    packed = b64encode(encode_json(order("two"))).decode()
    code, _, _ = requeue(ebbtide, tmp_path, letter(itself), letter(None, value_base64=packed))
    assert code == 0
    assert [msgspec.json.decode(it.value)["event_id"] for it in fake_kafka.sent] == ["one", "two"]


def test_what_is_still_wrong_is_told_by_its_line_and_not_sent(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    still = letter('{"type":"order_placed"}')
    elsewhere = letter(encode_json(order()), source_topic="reviews")
    code, told, complained = requeue(
        ebbtide, tmp_path, letter(encode_json(order())), still, elsewhere
    )
    assert code == 1
    assert (msgspec.json.decode(told)["sent"], msgspec.json.decode(told)["invalid"]) == (1, 2)
    assert "letters.jsonl:2: missing_field" in complained
    assert "letters.jsonl:3: unknown_type: belongs to orders" in complained
    assert len(fake_kafka.sent) == 1


def test_alike_lines_are_sent_once_and_only_those_of_the_reason(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path
) -> None:
    one = letter(encode_json(order()))
    other = letter(encode_json(order("two")), reason="too_large")
    _, told, _ = requeue(ebbtide, tmp_path, one, one, b"\n", other, also="--reason=not_json")
    assert len(fake_kafka.sent) == 1
    assert "1 more are like one of these" in told


def test_a_dry_run_sends_nothing(ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path) -> None:
    code, told, _ = requeue(ebbtide, tmp_path, letter(encode_json(order())), also="--dry-run")
    assert (code, fake_kafka.sent) == (0, [])
    assert "would be sent" in told


@pytest.mark.parametrize("line", [b"{}\n", b"no\n", b"\xff\n", letter(None, value_base64="%")])
def test_a_line_that_is_no_letter_is_one_clear_line(
    ebbtide: Ebbtide, fake_kafka: FakeKafka, tmp_path: Path, line: bytes
) -> None:
    code, _, complained = requeue(ebbtide, tmp_path, line)
    assert (code, fake_kafka.sent) == (1, [])
    assert "letters.jsonl:1: no letter" in complained
    assert complained.count("\n") == 1

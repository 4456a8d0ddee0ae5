"""Rows: what was written is read again, old rows load, and what cannot be read is said to be so."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
from any_event import AnyEvent
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from schemas.codec import decode_outgoing, encode_json, encode_row
from schemas.decisions import Decision, Evidence, Money, Outgoing
from schemas.journal import Source
from state.customer import ROW_VERSION, Customer, RowError, Said, decode_customer
from state.exposure import Exposure
from state.fold import fold, is_repeat
from state.held import Held, Touch
from state.portrait import Trait
from state.product import Product
from state.shop import Carried, Rhythm, Shop, decode_shop

decode_any: Callable[[bytes], list[Any]] = msgspec.msgpack.Decoder(list[Any]).decode
decode_product = msgspec.msgpack.Decoder(Product).decode

FIELDS = len(Customer.__struct_fields__)


MEMORY = Customer.__struct_fields__.index("memory")
# A row that breaks off where the agents' memory begins: only there a row may nest without a bound.
UP_TO_MEMORY = encode_row(decode_any(encode_row(Customer()))[:MEMORY]).replace(
    bytes([0xDC, 0, MEMORY]), bytes([0xDC, 0, FIELDS]), 1
)


# The order of the fields is the format of version 1. A new field goes to the end of both lists.
FORMAT = (
    "version", "first_seen_at", "last_seen_at", "event_ids", "orders", "views", "order_count",
    "spent_cents", "refunded_cents", "currency", "first_order_at", "last_order_at", "gap_hours",
    "session", "cart", "cart_changed_at", "viewed", "bought", "categories", "products",
    "recent_orders", "ratings", "consent", "responses", "locale", "time_zone", "birthday", "traits",
    "said", "timers", "memory", "profile_at", "touches", "held", "exposures", "case_closed_at",
    "visit_awaited_until", "deliveries", "country", "portrait", "grievances", "trail", "awaited",
    "key_ids",
)  # fmt: skip


def full_row(seed: int = 1, events: int = 200) -> Customer:
    """The row of a customer who has done everything, and whom the engine has dealt with."""
    any_event = AnyEvent(Random(seed))
    row, rhythm = Customer(), Rhythm()
    for _ in range(events):
        event = any_event.draw()
        is_repeat(row, event.event_id)
        fold(row, event, rhythm)
    row.said = {"churn_alert": Said(1_768_896_000_000, 2, "paused", 3)}
    row.timers = {"churn_alert": 1_769_000_000_000, "row": 1_800_000_000_000}
    row.memory = {"churn_alert": Raw(encode_row(["e1", 7]))}
    row.touches = [Touch(1_768_896_000_000, "churn_alert", "email")]
    money = Money(500, "EUR")
    row.held = [
        Held(
            "win_back_coupon", "win_back_coupon", "e1", 1, 2, 3, 4, "quiet_hours", "heard",
            Evidence(("e1",), {"days": 1.5}), b"{}", None, money,
        )
    ]  # fmt: skip
    row.portrait = {"class": Trait("frequent", 20_000), "likes": Trait("tea", 20_000, 60, 30)}
    row.awaited = {"tea": ("back_in_stock", "price_drop"), "pot": ("price_drop",)}
    row.exposures = {"*": Exposure(1_768_896_000_000, False, True, 2, {"EUR": 900})}
    return row


@given(seed=st.integers(0, 2**32), events=st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_a_row_is_read_as_it_was_written(seed: int, events: int) -> None:
    row = full_row(seed, events)
    again = decode_customer("ann", encode_row(row))
    assert again == row
    assert encode_row(again) == encode_row(row)


def test_no_field_of_a_row_has_changed_its_place() -> None:
    assert Customer.__struct_fields__ == FORMAT


def test_a_new_customer_is_a_small_row() -> None:
    row = encode_row(Customer())
    assert decode_customer("ann", row) == Customer()
    assert len(row) < 60


@pytest.mark.parametrize("kept", range(1, FIELDS))
def test_a_row_without_the_last_fields_loads_with_their_defaults(kept: int) -> None:
    row = full_row()
    old = encode_row(decode_any(encode_row(row))[:kept])
    loaded, new = decode_customer("ann", old), Customer()
    for number, name in enumerate(Customer.__struct_fields__):
        assert getattr(loaded, name) == getattr(row if number < kept else new, name)


def test_fields_that_a_later_version_added_at_the_end_are_left_alone() -> None:
    row = full_row()
    later = encode_row([*decode_any(encode_row(row)), {"a": "field of tomorrow"}])
    assert decode_customer("ann", later) == row


def test_a_row_of_an_older_version_is_written_as_one_of_this() -> None:
    old = encode_row([1, *decode_any(encode_row(Customer()))[1:MEMORY]])
    assert decode_customer("ann", old).version == ROW_VERSION


@pytest.mark.parametrize("rest", [[], [0, 0], ["laid out", "in another way"]])
def test_a_row_of_a_newer_version_is_refused_with_what_to_do(rest: list[Any]) -> None:
    with pytest.raises(RowError) as refused:
        decode_customer("ann", encode_row([ROW_VERSION + 1, *rest]))
    assert str(refused.value) == (
        f"the row of 'ann' has version {ROW_VERSION + 1}, and this Ebbtide knows {ROW_VERSION} at"
        " most: run the newer version, or rebuild the rows from the journal"
    )


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b"", "Input data was truncated"),
        (b"\xc1", "invalid opcode"),
        (b"\xc0", "Expected `array`, got `None`"),
        (b"\x91\xa1x", "Expected `int`, got `str`"),
        (encode_row(full_row())[:-1], "Input data was truncated"),
        (encode_row(full_row()) + b"\0", "trailing characters"),
        (encode_row([1, 0, 0, b"", [], [], 0, 0, 0, "€"]).replace("€".encode(), b"\xff" * 3), "utf-8"),
        (b"\x91" * 100_000, "Expected `int`, got `array`"),
        (UP_TO_MEMORY + b"\x81\xa1a" + b"\x91" * 100_000, "recursion"),
    ],
    ids=["nothing", "opcode", "null", "type", "short", "long", "text", "deep", "deep_inside"],
)  # fmt: skip
def test_a_damaged_row_is_reported_with_whose_it_is(row: bytes, why: str) -> None:
    with pytest.raises(RowError) as refused:
        decode_customer("zoë", row)
    assert str(refused.value).startswith("the row of 'zoë' is not readable (")
    assert why in str(refused.value)


def check_customer(row: bytes) -> None:
    """The bytes are a row, or a RowError; never else."""
    try:
        assert decode_customer("ann", row).version <= ROW_VERSION
    except RowError:
        return


def damaged(rng: Random, row: bytes) -> bytes:
    """A row after a few accidents."""
    value = bytearray(row)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(value) + 1)
        match rng.randrange(3):
            case 0:
                value[at : at + 1] = rng.randbytes(1)
            case 1:
                value[at:at] = rng.randbytes(rng.randrange(5))
            case _:
                del value[at : at + rng.randrange(9)]
    return bytes(value)


@given(row=st.binary(max_size=300))
@example(row=b"\xdf\xff\xff\xff\xff")
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_a_row_or_a_row_error(row: bytes) -> None:
    check_customer(row)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_a_row_after_any_accident_is_a_row_or_a_row_error(seed: int) -> None:
    rng = Random(seed)
    row = encode_row(full_row(seed % 10, 40))
    for _ in range(20):
        check_customer(damaged(rng, row))


# The other rows


def test_the_rows_of_shop_and_product_and_the_outbox_are_read_as_they_were_written() -> None:
    shop = Shop(5, {"orders/0": Carried(7, 8)}, Rhythm(1, 2.0, 4.0))
    assert decode_shop(encode_row(shop)) == shop
    product = Product(3, {"tea": 2, "pot": 1})
    assert decode_product(encode_row(product)) == product
    decision = Decision(
        id="1", kind="churn_alert", agent="churn_alert", customer_id="zoë", cause="e1", cause_at=1,
        decided_at=2, outcome="sent", reason="quiet", evidence=Evidence(("e1",), {"gaps": [1, None]}),
        payload=Raw(b'{"a":1}'),
    )  # fmt: skip
    outgoing = Outgoing(9, 3, decision)
    again = decode_outgoing(encode_json(outgoing))
    assert (again.sequence, again.appended_at) == (9, 3)
    assert again.decision == decision


def test_rows_of_shop_and_product_without_the_last_fields_load_with_their_defaults() -> None:
    assert decode_shop(encode_row([5])) == Shop(5)
    assert decode_product(encode_row([3])) == Product(3, {})
    assert decode_shop(b"\x90") == Shop()


@pytest.mark.parametrize(
    ("offset", "appended_at", "seen"),
    [
        (12, 100, True),  # The same again.
        (11, 90, True),  # From a crash: ingest begins again a little before.
        (13, 110, False),
        (13, 50, False),  # Time stamps are the publisher's, and may go back.
        (20, 110, False),  # Other customers' records lie between.
        (0, 200, False),  # The topic was deleted and made anew.
    ],
)
def test_a_raw_record_that_was_carried_over_twice_is_seen_by_its_source(
    offset: int, appended_at: int, seen: bool
) -> None:
    shop = Shop()
    assert not shop.has_seen(Source("orders", 1, 12, 100))
    assert shop.has_seen(Source("orders", 1, offset, appended_at)) == seen
    assert shop.has_seen(Source("orders", 1, offset, appended_at))


def test_raw_partitions_are_told_apart() -> None:
    shop = Shop()
    sources = [
        Source(topic, partition, 12, 100) for topic in ("orders", "reviews") for partition in (1, 2)
    ]
    assert not any(shop.has_seen(source) for source in sources)
    assert all(shop.has_seen(source) for source in sources)

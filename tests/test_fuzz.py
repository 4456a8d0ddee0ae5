"""No input crashes or hangs what reads it: a few of each kind here, ten minutes with `make fuzz`."""

from collections.abc import Iterator

import pytest
import structlog
from fuzz import TARGETS, fuzz, quiet

from schemas.dead_letter import Refusal
from state.table import Position, StoreError
from streams import publisher
from streams.engage import decode_journal


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    quiet()
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_crashes_or_hangs(target: str) -> None:
    fuzz(target, seed=0, inputs=60)


# What `make fuzz` has found.


def test_a_journal_record_of_great_depth_is_dirt() -> None:
    assert isinstance(decode_journal("here", b'{"a":' * 5_000), Refusal)


def test_a_mark_that_is_no_text_is_none_of_ours() -> None:
    assert publisher._decode(b'{"journal":"\x80"}') is None


@pytest.mark.parametrize("text", [b"", b"1:2", b"1:2:x", b"1:2:3:4:5"])
def test_a_position_that_is_none_is_the_stores_trouble(text: bytes) -> None:
    with pytest.raises(StoreError, match="is no position"):
        Position.parse(text)

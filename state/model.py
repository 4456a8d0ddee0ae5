"""By what that was learned is decided? By the model in effect: one of each agent in a partition.

The law: a model takes effect by a record of the journal, and the newest one stays: that was made
last, and of two that were made at one moment the one that stands first. So what is decided depends
on the log, though a model is fitted outside of it. Models lie among the partition's ledgers, under
names that no agent can have, and are loaded like those.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from schemas.codec import DAMAGE, encode_row
from state.customer import RowError

M = TypeVar("M", bound=Struct)

#: What became of a model that the journal brought. ``unreadable``: its agent knows other models.
Fate = Literal["in_effect", "outdated", "unreadable"]

_PREFIX = "model:"

# While a new model goes through the journal, some partitions have it and others do not yet.
_KNOWN_MAX = 4


class Fitted(Struct, Generic[M], frozen=True):
    """A model in effect. It is for reading. made_at: the time of the log up to which it knows."""

    version: str
    made_at: int
    model: M


class Kept(Struct, frozen=True, gc=False, array_like=True):
    """A model as it is kept: its body is JSON, as it stands in the journal."""

    version: str
    made_at: int
    body: bytes


def model_key(agent: str) -> str:
    """Under which name an agent's model lies among the ledgers.

    >>> model_key("churn_alert")
    'model:churn_alert'
    """
    return _PREFIX + agent


def kept_in(agent: str, row: bytes) -> Kept:
    """What a row says. Raises RowError for one that is damaged."""
    try:
        return _decode_kept(row)
    except DAMAGE as error:
        raise RowError(
            f"the model of {agent!r} is not readable ({error}): make the rows of its partition anew"
            " with `ebbtide rebuild --partition`"
        ) from error


class Models:
    """The models that one batch has loaded. rows: those of the ledgers, among which they are."""

    def __init__(self, rows: Mapping[str, bytes | None] = {}) -> None:
        self._rows = rows
        self._open: dict[str, Any] = {}
        self._changed: dict[str, bytes] = {}

    def read(self, agent: str, kind: type[M]) -> Fitted[M] | None:
        """The agent's model; None where there is none, or none that this version can read."""
        try:
            opened: Fitted[M] | None = self._open[agent]
        except KeyError:
            opened = self._open[agent] = self._read(agent, kind)
        return opened

    def take(self, agent: str, model: Kept, kind: type[Struct]) -> Fate:
        """Let a model take effect, unless the one that is there is as new."""
        key = model_key(agent)
        before = self._changed.get(key) or self._rows[key]
        if before is not None and kept_in(agent, before).made_at >= model.made_at:
            return "outdated"
        row = encode_row(model)
        fitted = _reader_of(kind).read(agent, row)
        if fitted is None:
            return "unreadable"
        self._changed[key], self._open[agent] = row, fitted
        return "in_effect"

    def changed(self) -> dict[str, bytes]:
        """Those that have taken effect, as they are written."""
        return self._changed

    def _read(self, agent: str, kind: type[M]) -> Fitted[M] | None:
        key = model_key(agent)
        if key not in self._rows:
            # None would say that there is no model, and others would be decided than with it.
            raise LookupError(f"{key!r} is not there: its agent must name its type as ``model``")
        row = self._rows[key]
        return None if row is None else _reader_of(kind).read(agent, row)


class _Reader:
    """Reads models of a type, each once: a batch brings the same bytes again.

    To compare 30 KB takes 1 µs, and to decode them a hundred times that.
    """

    def __init__(self, kind: type[Struct]) -> None:
        self._decode = msgspec.json.Decoder(kind).decode
        self._known: list[tuple[bytes, Fitted[Any] | None]] = []

    def read(self, agent: str, row: bytes) -> Fitted[Any] | None:
        """The model; None where it is of another type. Raises RowError for a damaged row."""
        for known, fitted in self._known:
            if known == row:
                return fitted
        kept, fitted = kept_in(agent, row), None
        with suppress(*DAMAGE):
            fitted = Fitted(kept.version, kept.made_at, self._decode(kept.body))
        self._known = [(row, fitted), *self._known[: _KNOWN_MAX - 1]]
        return fitted


@cache
def _reader_of(kind: type[Struct]) -> _Reader:
    return _Reader(kind)


_decode_kept = msgspec.msgpack.Decoder(Kept).decode

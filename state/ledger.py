"""What does an agent keep of the partition as a whole? A ledger, into which it makes entries.

The law: a ledger is changed by entries alone, in the order of the log, so it depends on the log and
on nothing else. It is loaded with the batches in which the agent is asked, and written when it has
changed. It is bounded like a row: it is read and written as a whole.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from schemas.codec import DAMAGE, encode_row
from state.customer import RowError
from state.table import Loaded


class Ledger(Struct, array_like=True, gc=False):
    """What ledgers have in common. New fields go at the end, with a default."""

    def enter(self, entry: Any) -> None:
        """Change it by an entry. Total: it must take whatever its agent enters."""
        raise NotImplementedError


L = TypeVar("L", bound=Ledger)


class Ledgers:
    """The ledgers of one batch, each decoded when it is first asked for."""

    def __init__(self, rows: Mapping[str, bytes | None] = {}) -> None:
        self._rows = rows
        self._open: dict[str, Ledger] = {}
        self._changed: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether the ledger of this name was loaded."""
        return name in self._rows

    def read(self, name: str, kind: type[L]) -> L:
        """The ledger of this name, or a blank one. Raises RowError for one that is damaged."""
        ledger = self._open.get(name)
        if ledger is None:
            if name not in self._rows:
                # A blank one would take the place of the one that was not loaded.
                raise LookupError(
                    f"the ledger {name!r} is not there on this occasion: it is for the events that"
                    " its agent listens to, and with keeps_at_ticks for timers"
                )
            row = self._rows[name]
            try:
                ledger = kind() if row is None else _decoder_of(kind).decode(row)
            except DAMAGE as error:
                raise RowError(
                    f"the ledger {name!r} is not readable ({error}): make the rows of its partition"
                    " anew with `ebbtide rebuild --partition`"
                ) from error
            self._open[name] = ledger
        return ledger  # type: ignore[return-value]

    def enter(self, name: str, kind: type[Ledger], entry: Struct) -> None:
        """Make an entry."""
        ledger = self._open.get(name) or self.read(name, kind)
        ledger.enter(entry)
        self._changed.add(name)

    def changed(self) -> dict[str, bytes]:
        """Those into which something was entered, as they are written."""
        return {name: encode_row(self._open[name]) for name in sorted(self._changed)}


def ledgers_of(loaded: Iterable[Loaded], name: str, kind: type[L] | None) -> list[L]:
    """The ledgers of this name, of the partitions that have one; none where none is kept.

    Raises RowError for one that is damaged.
    """
    if kind is None:
        return []
    rows = [it.ledgers for it in loaded if it.ledgers.get(name) is not None]
    return [Ledgers(it).read(name, kind) for it in rows]


@cache
def _decoder_of(kind: type[Ledger]) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)

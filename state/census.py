"""Whose habits are learned from? A sample of the partition's customers, drawn when they come.

The law: who is in the sample depends on the hash of their id and on those who came before, and not
on what they did since. So it is drawn when they are first seen, at their first purchase: whoever is
let in stays, and is known as they are now. Who had bought before the sample was begun is first seen
when they come again, which those who are gone never do: they have joined, and whoever learns from
the sample has to reckon with that (``agents/lifetime/fit.py``).

When it is full, the highest hash makes room, and nobody above it is let in any more (bottom-k
sampling: Cohen and Kaplan, PODC 2007). Those who have been silent for so long that their rows have
ended make room too, and for new customers alone.

A customer has 28 bytes here and no name: the ledger is read and written with every batch that has
an order, so it is one piece of bytes, in the order of the hashes, and nothing of it is decoded.
"""

from collections.abc import Iterator
from hashlib import blake2b
from math import log
from struct import Struct as Layout

from msgspec import Struct, field

from schemas.instant import DAY, HOUR
from state.ledger import Ledger

KEY_BYTES = 4
KEYS = 2**32
#: Silence is given in days, moments in hours.
_HOURS_A_DAY = DAY // HOUR
# key; first and last purchase in hours since 1970; repeats; sum of the logarithms of the ages in
# days at the repeats; what was paid in all, and for the first purchase, in minor units; repeats
# when they joined.
_LAYOUT = Layout(">4sIIHfffH")
_SIZE = _LAYOUT.size
_REPEATS_MAX = 2**16 - 1


class Counted(Struct, frozen=True, gc=False):
    """An entry: a customer as they are now. ``first_hour`` to ``last_hour``: since 1970.

    net_cents: what they have paid and kept. first_cents: what their first order was worth.
    limit: how many customers the sample has at most. kept_days: silence after which they leave.
    is_new: whether they are seen for the first time; nobody else is let in.
    """

    key: bytes
    first_hour: int
    last_hour: int
    repeats: int
    net_cents: int
    first_cents: int
    limit: int
    kept_days: int
    is_new: bool


class Left(Struct, frozen=True, gc=False):
    """An entry: a customer is forgotten."""

    key: bytes


class One(Struct, frozen=True, gc=False):
    """A customer of the sample. log_ages: sum of the logarithms of their age at each repeat.

    joined: of who had bought before the sample was begun, the repeats when they were first seen; 0:
    known from the first purchase. Of the ages at those but the last one it is only known that they
    lie before ``began_hour``: in log_ages each is as old as they were then.
    """

    key: bytes
    first_hour: int
    last_hour: int
    repeats: int
    log_ages: float
    net_cents: float
    first_cents: float
    joined: int = 0
    began_hour: int = 0


class Census(Ledger):
    """The sample. open_below: hashes from here on are not let in. swept_hour: who is gone left.

    began_hour: when its first customer was let in.
    """

    rows: bytearray = field(default_factory=bytearray)
    open_below: int = KEYS
    swept_hour: int = 0
    began_hour: int = 0

    def __len__(self) -> int:
        return len(self.rows) // _SIZE

    def __iter__(self) -> Iterator[One]:
        return (One(*(*it, self.began_hour)) for it in _LAYOUT.iter_unpack(self.rows))

    def enter(self, entry: Counted | Left) -> None:
        """Note how a customer is now, if they are in the sample or come into it."""
        at, key = self._place(entry.key), entry.key
        is_in = self.rows[at : at + KEY_BYTES] == key
        if isinstance(entry, Left):
            if is_in:
                del self.rows[at : at + _SIZE]
            return
        repeats = min(entry.repeats, _REPEATS_MAX)
        last_hour = max(entry.first_hour, entry.last_hour)
        if is_in:
            _, _, _, before, log_ages, _, _, joined = _LAYOUT.unpack_from(self.rows, at)
            age_days = max(1.0, (last_hour - entry.first_hour) / _HOURS_A_DAY)
            log_ages += max(0, repeats - before) * log(age_days)
            self.rows[at : at + _SIZE] = _packed(entry, last_hour, repeats, log_ages, joined)
        elif entry.is_new and int.from_bytes(key) < self.open_below:
            self.began_hour = self.began_hour or last_hour
            log_ages = self._log_ages(entry.first_hour, last_hour, repeats)
            self.rows[at:at] = _packed(entry, last_hour, repeats, log_ages, repeats)
            if len(self) > entry.limit:
                self._make_room(last_hour, entry)

    def _log_ages(self, first_hour: int, last_hour: int, repeats: int) -> float:
        """Of somebody who joins: when they came before is not known."""
        if not repeats:
            return 0.0
        before, now = ((it - first_hour) / _HOURS_A_DAY for it in (self.began_hour, last_hour))
        return (repeats - 1) * log(max(1.0, before)) + log(max(1.0, now))

    def _make_room(self, hour: int, entry: Counted) -> None:
        kept_hours = entry.kept_days * _HOURS_A_DAY
        # Once in a twelfth of that is often enough, and all are looked at.
        if hour - self.swept_hour > kept_hours // 12:
            self.swept_hour = hour
            before = len(self)
            stay = [it for it in self if it.last_hour >= hour - kept_hours]
            if len(stay) < before:
                self.rows = bytearray().join(
                    self.rows[at : at + _SIZE]
                    for at, it in zip(range(0, len(self.rows), _SIZE), self, strict=True)
                    if it.last_hour >= hour - kept_hours
                )
                self.open_below = min(KEYS, self.open_below * before // max(1, len(stay)))
        while len(self) > entry.limit:
            self.open_below = int.from_bytes(self.rows[-_SIZE : KEY_BYTES - _SIZE])
            del self.rows[-_SIZE:]

    def _place(self, key: bytes) -> int:
        """Where the customer with this key is, or would have to be."""
        rows, low, high = self.rows, 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if rows[middle * _SIZE : middle * _SIZE + KEY_BYTES] < key:
                low = middle + 1
            else:
                high = middle
        return low * _SIZE


def key_of(customer_id: str) -> bytes:
    """By which a customer is known in a sample."""
    return blake2b(customer_id.encode(), digest_size=KEY_BYTES).digest()


def _packed(entry: Counted, last_hour: int, repeats: int, log_ages: float, joined: int) -> bytes:
    return _LAYOUT.pack(
        entry.key, entry.first_hour, last_hour, repeats, log_ages, float(entry.net_cents),
        float(entry.first_cents), joined,
    )  # fmt: skip

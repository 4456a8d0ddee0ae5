"""What was taken, day by day? In all, by class of customer and by category, in one ledger.

The law: money counts on the day on which it came or went back, by the shop's own calendar, in its
own currency; amounts of two currencies are never added. A day is changed by whatever belongs to it,
however late: nothing is concluded from it but what is shown. Whatever a bound leaves out of a split
is in ``OTHER``, so each split adds up to the whole.
"""

import msgspec
from msgspec import Raw, Struct, field

from schemas.codec import encode_row
from state.heavy import Heavy, added
from state.ledger import Ledger

#: Of a split: what has no name, and what is left over where there are too many.
NONE, OTHER = "(none)", "(other)"
CURRENCIES_MAX = 4
CLASSES_MAX = 12
NAME_MAX = 64
#: How many days are held decoded: money is nearly always of today or yesterday.
_AT_HAND = 2


class Split(Struct, array_like=True, gc=False):
    """One day in one currency, in minor units.

    classes: net, by class. sold: by category, the heaviest of them. back: what went back of it.
    """

    net: int = 0
    classes: dict[str, int] = {}
    sold: Heavy = field(default_factory=Heavy)
    back: dict[str, int] = {}


Day = dict[str, Split]

_unpack = msgspec.msgpack.Decoder(Day).decode


class Taken(Struct, frozen=True, gc=False):
    """An entry: money that came (more than 0) or went back (less), on a day since 1970-01-01.

    parts: by category, they add up to ``cents``. days_kept, split_days, categories_max: how much
    the ledger holds.
    """

    day: int
    currency: str
    cents: int
    customer_class: str
    parts: dict[str, int]
    days_kept: int
    split_days: int
    categories_max: int


class Takings(Ledger):
    """The ledger. totals: net by currency and day. split: of the last days, those at hand decoded.

    left_out: entries of a fifth currency, or of a day that is not held any more.
    newest: the newest day that anything belongs to.
    Bytes: 6 a day and currency (2.4 kB for 400 days), and for each of ``split_days`` days and each
    currency some 12 a class and 20 a category: 20 kB with 32 categories, 3 kB with 4.
    """

    totals: dict[str, dict[int, int]] = {}
    at_hand: dict[int, Day] = {}
    packed: dict[int, Raw] = {}
    left_out: int = 0
    newest: int = -1

    def enter(self, entry: Taken) -> None:
        """Add it to its day."""
        currency, day = entry.currency, entry.day
        is_known = currency in self.totals or len(self.totals) < CURRENCIES_MAX
        if not is_known or day <= self.newest - entry.days_kept:
            self.left_out += 1
            return
        totals = self.totals.setdefault(currency, {})
        totals[day] = totals.get(day, 0) + entry.cents
        if day > self.newest:
            self._begin(day, entry)
        if day > self.newest - entry.split_days:
            self._add(entry)

    def day(self, day: int) -> Day:
        """The splits of a day, by currency; none where it is not held."""
        packed = self.packed.get(day)
        return self.at_hand.get(day, {}) if packed is None else _unpack(packed)

    def _begin(self, day: int, entry: Taken) -> None:
        """A new day: pack those that are over, and let go of the oldest."""
        self.newest = day
        for it in [it for it in self.at_hand if it <= day - _AT_HAND]:
            self.packed[it] = Raw(encode_row(self.at_hand.pop(it)))
        for it in [it for it in self.packed if it <= day - entry.split_days]:
            del self.packed[it]
        for totals in self.totals.values():
            for it in [it for it in totals if it <= day - entry.days_kept]:
                del totals[it]

    def _add(self, entry: Taken) -> None:
        day = self.day(entry.day)
        split = day.get(entry.currency)
        if split is None:
            split = day[entry.currency] = Split()
        split.net += entry.cents
        classes, name = split.classes, entry.customer_class
        if name not in classes and len(classes) >= CLASSES_MAX:
            name = OTHER
        classes[name] = classes.get(name, 0) + entry.cents
        for category, cents in entry.parts.items():
            if cents > 0:
                split.sold.add(category, cents, entry.categories_max)
            elif cents:
                is_held = category in split.back or len(split.back) < entry.categories_max
                name = category if is_held else NONE
                split.back[name] = split.back.get(name, 0) - cents
        if entry.day in self.packed:
            self.packed[entry.day] = Raw(encode_row(day))
        else:
            self.at_hand[entry.day] = day


def by_category(splits: list[Split]) -> dict[str, int]:
    """Net by category over several days or partitions; it adds up to their net."""
    found = {name: low for name, (low, _) in added(it.sold for it in splits).items()}
    for it in splits:
        for name, cents in it.back.items():
            found[name] = found.get(name, 0) - cents
    rest = sum(it.net for it in splits) - sum(found.values())
    if rest:
        found[OTHER] = found.get(OTHER, 0) + rest
    return found

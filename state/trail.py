"""What did this customer search for, look at and buy of late? A trail: a few things, each counted.

The law: a thing is on the trail once; when it comes again it counts, and in another hour it moves
to the end. There is room for ten, and the one that rested longest makes room. An order takes the
looks at what it holds off the trail: they have ended in a purchase. So what is looked at again and
again, and not bought, can be read off it, and no agent has to remember looks of its own.

An entry is one number, because all of them are read and written with every batch: the hour in which
the thing came last, and in the last ten bits how often it came, and on how many visits.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from schemas.instant import DAY, HOUR

#: What a name begins with: whether it was searched for, looked at or bought.
SEARCHED, VIEWED, BOUGHT = "s", "v", "b"

TRAIL_MAX = 10
# An order of many lines leaves room for the rest.
BOUGHT_MAX = 4
# Of what was searched for. Ids of products stay whole, or nothing could be said by them.
QUERY_MAX = 32

#: So many hours after the last time, a night lies between, or a day's work: it is another visit.
APART = 8
#: After so many hours a look, or a search, is forgotten and begins anew.
KEPT = 30 * DAY // HOUR

_HOUR, _ONCE_MORE, _FIRST = 10, 1 << 4, 1 << 4 | 1
_TIMES, _VISITS = 63, 15
#: Up to here an entry can count once more, and here a visit more.
_TIMES_FULL = _TIMES << 4

Trail = dict[str, int]


class Step(Struct, frozen=True, gc=False):
    """One thing on the trail. last_at: the hour in which it came last, as its beginning.

    times: how often, up to 63. visits: on how many, up to 15.
    """

    kind: str
    name: str
    last_at: int
    times: int
    visits: int


def add(trail: Trail, key: str, at: int, newest: int) -> None:
    """Count one thing, named by its kind's letter and its name.

    newest: the latest moment that the row has seen. What comes late is counted where it stands, and
    pushes out nothing.
    """
    hour = at // HOUR
    entry = trail.get(key)
    if entry is None:
        if len(trail) >= TRAIL_MAX:
            if at < newest:
                return
            del trail[next(iter(trail))]
        trail[key] = hour << _HOUR | _FIRST
        return
    gap = hour - (entry >> _HOUR)
    if gap > 0:
        del trail[key]
        if gap > KEPT and key[0] != BOUGHT:
            trail[key] = hour << _HOUR | _FIRST
            return
        entry += gap << _HOUR
        if gap >= APART:
            entry += entry & _VISITS < _VISITS
    trail[key] = entry + _ONCE_MORE if entry & _TIMES_FULL != _TIMES_FULL else entry


def buy(trail: Trail, product_ids: Iterable[str], at: int, newest: int) -> None:
    """An order was placed: the looks before it have led to it."""
    hour = at // HOUR
    for number, product_id in enumerate(product_ids):
        looked_at = trail.get(VIEWED + product_id)
        if looked_at and looked_at >> _HOUR <= hour:
            del trail[VIEWED + product_id]
        if number < BOUGHT_MAX:
            add(trail, BOUGHT + product_id, at, newest)


def times(entry: int) -> int:
    """How often a thing came; 0 for an entry that is not there."""
    return entry >> 4 & _TIMES


def visits(entry: int) -> int:
    """On how many visits."""
    return entry & _VISITS


def looks_since(trail: Trail, at: int) -> int:
    """How often they looked at the products at which they have looked since a moment."""
    looks, hour = 0, at // HOUR
    # A loop, and not sum() over times(), which takes longer: it runs for many views.
    for key, entry in trail.items():
        if entry >> _HOUR >= hour and key[0] == VIEWED:
            looks += entry >> 4 & _TIMES
    return looks


def steps(trail: Trail) -> Iterator[Step]:
    """The trail as it can be read, the thing that rested longest first."""
    for key, entry in trail.items():
        yield Step(key[0], key[1:], (entry >> _HOUR) * HOUR, times(entry), visits(entry))

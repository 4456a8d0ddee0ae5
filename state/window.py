"""How many, and how much, in the last day, week, month, year? Rolling sums in bounded space.

The law: a bucket is fine while it is recent and coarse when it is old. Hours for the last day, days
for the last 28, blocks of 28 days up to a year and one block. So a window of length L counts all
that is younger than L, none that is older than L plus one bucket, and holds at most ``BUCKETS_MAX``
buckets. What a window holds depends on what was added and on the newest moment in it, not on the
order of arrival: late events find their bucket.

A window is a flat list ``[bucket, count, sum, …]``, newest last, because it lives in a row that is
encoded and decoded once a batch. A bucket is named by one number: its start in units of its width,
times the number of levels, plus its level.
"""

from schemas.instant import DAY, HOUR

#: (bucket width, how long buckets of that width are kept) from fine to coarse, in milliseconds.
LEVELS = ((HOUR, DAY), (DAY, 28 * DAY), (28 * DAY, 365 * DAY))
FIELDS = 3
_LEVELS = len(LEVELS)
#: How many buckets of a level make one of the next; none do of the last.
_IN_THE_NEXT = (DAY // HOUR, 28, 1)
BUCKETS_MAX = 25 + 29 + 15

Window = list[int]


def add(window: Window, at: int, newest: int, amount: int = 0) -> None:
    """Count one event at ``at`` with its amount, and let old buckets grow coarse.

    newest: the latest moment that the row has seen, ``at`` included. Events older than the oldest
    bucket that is kept leave no trace.
    """
    hour = at // HOUR
    is_newest = at == newest or hour == newest // HOUR
    bucket = hour * _LEVELS
    if is_newest and window and window[-FIELDS] == bucket:
        # The last bucket, as almost always; nothing has grown old since it was made.
        window[-2] += 1
        window[-1] += amount
        return
    # First, so that what has grown old stands in order with what comes late.
    _coarsen(window, newest)
    if is_newest:
        window += (bucket, 1, amount)
    elif (level := _level(at, newest)) is not None:
        _merge(window, level, at // LEVELS[level][0], 1, amount)


def total(window: Window, now: int, length: int) -> tuple[int, int]:
    """Count and sum of what happened in the ``length`` milliseconds before ``now``.

    A bucket that the window's edge cuts counts whole. now: not before the newest moment added.

    >>> window: Window = []
    >>> add(window, 40 * DAY, 40 * DAY, 500)
    >>> total(window, 41 * DAY, 7 * DAY)
    (1, 500)
    """
    edge = now - length
    count = amount = 0
    for i in range(0, len(window), FIELDS):
        start, level = divmod(window[i], _LEVELS)
        if level and length <= LEVELS[level - 1][1]:
            continue  # What is in here left a finer level, so it is older than that level keeps.
        width = LEVELS[level][0]
        if (start + 1) * width > edge and start * width <= now:
            count += window[i + 1]
            amount += window[i + 2]
    return count, amount


def is_counted(window: Window, at: int, now: int, length: int) -> bool:
    """Whether ``total`` still counts what happened at a moment, by the bucket that holds it.

    What is in no bucket is counted while it is younger than ``length``.
    """
    # From the finest on: a coarse bucket holds what is older, and may span what is not in it.
    for i in range(len(window) - FIELDS, -1, -FIELDS):
        start, level = divmod(window[i], _LEVELS)
        width = LEVELS[level][0]
        if start * width <= at < (start + 1) * width:
            return (start + 1) * width > now - length
    return at > now - length


def next_loss_at(window: Window, now: int, length: int) -> int | None:
    """When the first of the buckets that ``total`` counts leaves; None where it counts none.

    An event that is added before then may move it, because buckets grow coarse.

    >>> window: Window = []
    >>> add(window, 40 * DAY, 40 * DAY, 500)
    >>> (next_loss_at(window, 41 * DAY, 365 * DAY) - 40 * DAY - HOUR) / DAY
    365.0
    """
    ends = (
        (window[i] // _LEVELS + 1) * LEVELS[window[i] % _LEVELS][0] + length
        for i in range(0, len(window), FIELDS)
    )
    return min((end for end in ends if end > now), default=None)


def _level(at: int, newest: int) -> int | None:
    """The finest level that still keeps the bucket of ``at``; None where all have let it go."""
    for level, (width, kept) in enumerate(LEVELS):
        if at // width > (newest - kept) // width - 1:
            return level
    return None


def _coarsen(window: Window, newest: int) -> None:
    """Move each bucket that its level no longer keeps into the next level, or out.

    Those are the first ones of their level, and in the next level they come last.
    """
    gone = [(newest - kept) // width - 1 for width, kept in LEVELS]
    for i in range(0, len(window), FIELDS):
        start, level = divmod(window[i], _LEVELS)
        if start <= gone[level]:
            window[:] = _coarsened(window, gone)
            return
        if not level:
            return  # The first of the finest level: all that follow are younger.


def _coarsened(window: Window, gone: list[int]) -> Window:
    """gone: the last bucket of each level that is not kept any more."""
    coarse: Window = []
    for i in range(0, len(window), FIELDS):
        start, level = divmod(window[i], _LEVELS)
        while level < _LEVELS and start <= gone[level]:
            start //= _IN_THE_NEXT[level]
            level += 1
        if not level:
            return coarse + window[i:]
        if level == _LEVELS:
            continue
        bucket = start * _LEVELS + level
        if coarse and coarse[-FIELDS] == bucket:
            coarse[-2] += window[i + 1]
            coarse[-1] += window[i + 2]
        else:
            coarse += (bucket, window[i + 1], window[i + 2])
    return coarse


def _merge(window: Window, level: int, start: int, count: int, amount: int) -> None:
    """Add to the bucket, or insert it: coarse levels first, and by start within a level."""
    bucket = start * _LEVELS + level
    i = len(window) - FIELDS
    while i >= 0:
        if window[i] == bucket:
            window[i + 1] += count
            window[i + 2] += amount
            return
        held_level = window[i] % _LEVELS
        if held_level > level or (held_level == level and window[i] < bucket):
            break
        i -= FIELDS
    window[i + FIELDS : i + FIELDS] = (bucket, count, amount)

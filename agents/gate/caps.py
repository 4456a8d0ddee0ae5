"""How often may a customer be spoken to? So many triggers in so many hours, in any such stretch.

The law: no window of a cap's length ever holds more than the cap allows, in whatever order the
triggers are decided. What could still count is never forgotten; where there is no room for it,
nothing more is let out. A least distance between two triggers is a cap of 1.

All functions are asked of the touches of one customer: what was let out to them, in any order.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.instant import HOUR
from schemas.profiles import Channel
from state.held import TOUCHES_MAX, Touch


class Cap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most ``sent_max`` triggers in any stretch of ``hours``.

    per: what is counted by itself: ``customer`` for all together, or each ``kind`` or ``channel``.
    kinds, channels: only those triggers are counted, and held up; empty for all.

    A cap that is new in the settings counts what others had it kept for, and all that follows.
    """

    sent_max: Annotated[int, Meta(ge=1, le=TOUCHES_MAX)]
    hours: Annotated[float, Meta(gt=0, le=24 * 366)]
    per: Literal["customer", "kind", "channel"] = "customer"
    kinds: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()

    @property
    def window(self) -> int:
        """Its hours in milliseconds. A window holds its last moment, and not its first."""
        return round(self.hours * HOUR)

    def covers(self, kind: str, channel: str) -> bool:
        """Whether the cap is for such triggers at all."""
        return (not self.kinds or kind in self.kinds) and (
            not self.channels or channel in self.channels
        )


def exceeded(
    caps: Iterable[Cap], touches: Sequence[Touch], kind: str, channel: str, at: int
) -> Cap | None:
    """The first cap that one more trigger would break; None where it may go out.

    at: when it is decided, which need not be after all touches. Each touch after ``at - window``
    counts, also one later than ``at``. That suffices, whatever the order: take any window, and of
    what it holds take what was decided *last*, at a moment ``at``. All else in that window is after
    ``at - window``, so it was counted then, and it was less than ``sent_max``.

    >>> daily = Cap(sent_max=1, hours=24)
    >>> exceeded([daily], [Touch(9 * HOUR, "win_back", "email")], "cart", "sms", 33 * HOUR)
    >>> exceeded([daily], [Touch(9 * HOUR, "win_back", "email")], "cart", "sms", 8 * HOUR) is daily
    True
    """
    for cap in caps:
        # Most customers have fewer touches than any cap allows, and that is soon seen.
        if len(touches) >= cap.sent_max and cap.covers(kind, channel):
            counted = _counted(cap, touches, kind, channel, at - cap.window)
            if len(counted) >= cap.sent_max:
                return cap
    return None


def free_at(
    caps: Sequence[Cap],
    touches: Sequence[Touch],
    kind: str,
    channel: str,
    at: int,
    earliest_at: int,
) -> int:
    """The first moment from ``at`` on at which one more would be let out, if nothing else is.

    earliest_at: as for ``note``; it is taken to stay as far behind as it is now.
    """
    free = at
    for cap in caps:
        if cap.covers(kind, channel):
            counted = _counted(cap, touches, kind, channel, at - cap.window)
            if len(counted) >= cap.sent_max:
                free = max(free, sorted(counted)[-cap.sent_max] + cap.window)
    if is_full(caps, touches, kind, channel, earliest_at):
        free = max(free, min(_counts_until(caps, it) for it in touches) + at - earliest_at)
    return free


def is_full(
    caps: Sequence[Cap], touches: Sequence[Touch], kind: str, channel: str, earliest_at: int
) -> bool:
    """Whether one more could not be kept, so that it must not be let out.

    earliest_at: as for ``note``. What no cap covers is not kept, and always has room.
    """
    return (
        len(touches) >= TOUCHES_MAX
        and any(cap.covers(kind, channel) for cap in caps)
        and all(_counts(caps, it, earliest_at) for it in touches)
    )


def note(touches: list[Touch], touch: Touch, earliest_at: int, caps: Sequence[Cap]) -> None:
    """Keep a touch, and forget those that can never count again.

    earliest_at: no trigger will ever be asked about that is decided before this moment. It never
    goes back: the clock *less the lateness*, for an event may be that late and still be answered.

    Raises ValueError where there is no room, and then changes nothing: ask ``is_full`` first.
    """
    kept = [it for it in (*touches, touch) if _counts(caps, it, earliest_at)]
    if len(kept) > TOUCHES_MAX:
        raise ValueError(f"{TOUCHES_MAX} touches still count: a trigger more could not be kept")
    touches[:] = kept


def _counted(cap: Cap, touches: Sequence[Touch], kind: str, channel: str, after: int) -> list[int]:
    """The moments after that one of what counts with such a trigger, which the cap covers."""
    kinds = (kind,) if cap.per == "kind" else cap.kinds
    channels = (channel,) if cap.per == "channel" else cap.channels
    return [
        it.at
        for it in touches
        if it.at > after
        and (not kinds or it.kind in kinds)
        and (not channels or it.channel in channels)
    ]


def _counts(caps: Sequence[Cap], touch: Touch, earliest_at: int) -> bool:
    """Whether a cap may still count the touch."""
    return any(
        touch.at + cap.window > earliest_at and cap.covers(touch.kind, touch.channel)
        for cap in caps
    )


def _counts_until(caps: Sequence[Cap], touch: Touch) -> int:
    """From when on no cap counts the touch, which one of them covers."""
    return max(touch.at + cap.window for cap in caps if cap.covers(touch.kind, touch.channel))

"""When may something be said about the shop? When a window of event time is over, everywhere.

The law: a window is closed for a partition when the partition's clock is past its end and the
lateness. Nothing is counted in it from then on, so what it holds never changes again, whoever
looks at it and however often; and a replay of the log counts the same. What is concluded from a
window depends on the ledgers of all partitions and the settings alone: ledgers are added up, so it
makes no difference which customer is in which partition.

An agent of this kind says nothing to a customer. It keeps a ledger of its partition, and
``streams/ops`` asks it what follows once a window is closed in all partitions.
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from agents.agent import Agent
from schemas.decisions import Evidence
from schemas.instant import HOUR, MINUTE
from schemas.ops import Alert
from schemas.profiles import Purpose


class Lookout(Agent, frozen=True):
    """window_hours: how long a window is; windows begin at multiples of that since 1970, in UTC.

    lateness_minutes: how long after its end a window waits for what comes late; left out in the
    file, it is that of ``[engine]``. windows_kept: how many closed windows stay in the ledger, for
    partitions that stand still meanwhile. alerts_max: how many may be said of a window.
    """

    #: The kind of alert that is concluded.
    alert: ClassVar[str] = ""
    #: What its payload is.
    tells: ClassVar[type[Struct]] = Struct

    purpose: Purpose | Literal["internal"] = "internal"
    window_hours: Annotated[float, Meta(gt=0, le=24 * 28)] = 24.0
    lateness_minutes: Annotated[float, Meta(ge=0)] = 60.0
    windows_kept: Annotated[int, Meta(ge=1, le=100)] = 3
    alerts_max: Annotated[int, Meta(ge=1, le=1_000)] = 20

    @property
    def width(self) -> int:
        """How long a window is, in milliseconds."""
        return round(self.window_hours * HOUR)

    @property
    def looks_back(self) -> int:
        """How many windows before a window are looked at with it."""
        return 1

    def newest_closed(self, clock_at: int) -> int:
        """The newest window that is closed for a partition with this clock.

        >>> Lookout(window_hours=1, lateness_minutes=30).newest_closed(5 * HOUR + 29 * MINUTE)
        3
        >>> Lookout(window_hours=1, lateness_minutes=30).newest_closed(5 * HOUR + 30 * MINUTE)
        4
        """
        return (clock_at - round(self.lateness_minutes * MINUTE)) // self.width - 1

    def closes_at(self, window: int) -> int:
        """From which clock on a window is closed for a partition."""
        return (window + 1) * self.width + round(self.lateness_minutes * MINUTE)

    def oldest_kept(self, newest_closed: int) -> int:
        """The oldest window that a ledger still needs when this one is closed."""
        return newest_closed - self.windows_kept + 1 - self.looks_back

    @property
    def open_max(self) -> int:
        """How many windows may be open at once: those that wait for what comes late, and two."""
        return round(self.lateness_minutes * MINUTE) // self.width + 3

    def conclude(self, ledgers: Sequence[Any], window: int) -> list[Alert]:
        """What follows from a window that is closed in all partitions, the weightiest first.

        ledgers: those of all partitions that have one. Pure: the same ledgers, the same alerts.
        """
        raise NotImplementedError

    def alert_of(
        self, subject: str, window: int, reason: str, payload: Struct, evidence: Evidence
    ) -> Alert:
        """An alert of this agent's."""
        return Alert(
            kind=self.alert,
            agent=self.name,
            subject=subject,
            begins_at=window * self.width,
            ends_at=(window + 1) * self.width,
            reason=reason,
            evidence=evidence,
            payload=payload,
        )

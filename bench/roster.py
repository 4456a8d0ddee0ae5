"""Who takes part, with which share of W, on which broker, and beside whom?"""

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec import Struct

from bench import kafka_streams, servers
from bench.apache_kafka import why_not
from bench.figures import Beside
from bench.place import PEERS, Options, make_environment, say
from streams.producer import Outbound
from streams.topics import JOURNAL


class Contender(Struct, frozen=True):
    """Who takes part. share: of W's events it is given, because some would take hours.

    command: what starts it, once all that it needs is fetched; Ebbtide's own worker without one.
    apache: on Apache Kafka, with transactions; on the embedded broker, which has none, otherwise.
    """

    name: str
    share: float
    fill: Callable[[Path, int], Iterator[Outbound]]
    command: Callable[[], list[str]] | None = None
    topic: str = servers.SOURCE
    apache: bool = False

    @property
    def beside(self) -> Beside:
        """Whom it is compared with: whoever ran on the same broker."""
        if self.apache:
            return Beside(ENGAGE_ON_APACHE.name, END_TO_END_ON_APACHE.name)
        return Beside(ENGAGE.name, END_TO_END.name, PLAIN.name)


def _ours(module: str) -> list[str]:
    return [sys.executable, "-m", f"bench.contenders.{module}"]


def _peer(module: str) -> list[str]:
    make_environment()
    return [PEERS, "-m", f"bench.contenders.{module}"]


_one = servers.as_one_topic
_streams = kafka_streams.command

ENGAGE = Contender("ebbtide, engage alone", 1.0, servers.as_journal)
END_TO_END = Contender("ebbtide, end to end", 1.0, servers.as_published)
PLAIN = Contender(
    "plain loop (the bound)", 1.0, servers.as_journal, partial(_ours, "plain_loop"), JOURNAL
)
ENGAGE_ON_APACHE = Contender(
    "ebbtide, engage alone, Apache Kafka", 1.0, servers.as_journal, apache=True
)
END_TO_END_ON_APACHE = Contender(
    "ebbtide, end to end, Apache Kafka", 1.0, servers.as_published, apache=True
)
CONTENDERS = (
    ENGAGE,
    END_TO_END,
    PLAIN,
    Contender("stock Faust, Redis per event", 0.02, _one, partial(_ours, "faust_per_event")),
    Contender("stock Faust, take + pipeline", 0.1, _one, partial(_ours, "faust_take")),
    Contender("Quix Streams", 0.5, _one, partial(_peer, "quix")),
    Contender("Bytewax", 0.5, _one, partial(_peer, "bytewax_flow")),
    ENGAGE_ON_APACHE,
    END_TO_END_ON_APACHE,
    # All of W, or its compiler would still be warming up when it is done.
    Contender("Kafka Streams, exactly once", 1.0, _one, _streams, apache=True),
    # A tenth of the commits, for a tenth of the promptness: triggers are seen after a commit.
    Contender(
        "Kafka Streams, exactly once, 1 s", 1.0, _one,
        partial(_streams, "--commit.interval.ms=1000"), apache=True,
    ),
    Contender(
        "Kafka Streams, at least once", 1.0, _one,
        partial(_streams, "--processing.guarantee=at_least_once"), apache=True,
    ),
)  # fmt: skip


class Entrant(Protocol):
    """Whoever takes part in something."""

    @property
    def name(self) -> str:
        """By which it is asked for."""
        ...

    @property
    def apache(self) -> bool:
        """Whether it runs on Apache Kafka."""
        ...


E = TypeVar("E", bound=Entrant)


def able(contenders: Iterable[E], options: Options) -> list[E]:
    """Those that were asked for and can run here."""
    found = [it for it in contenders if options.wants(it.name)]
    reason = why_not()
    if reason is None and options.quick and not options.only:
        reason = "A quick look has no time for Apache Kafka"
    if reason is not None and any(it.apache for it in found):
        say(f"{reason}: whoever runs on it is left out.")
        found = [it for it in found if not it.apache]
    return found


def chosen(options: Options) -> list[Contender]:
    """Those that were asked for and can run here, with all that they need fetched."""
    found = able(CONTENDERS, options)
    for contender in found:
        if contender.command is not None:
            contender.command()
    return found

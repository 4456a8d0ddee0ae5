"""How does what was given up get a second chance? From the dead letters to its target, once.

What is still not delivered becomes a dead letter anew, and waits for the next time: only letters
that were there at the start are sent. Letters stay, so a report on ``profiles`` is what tells that
a trigger has been delivered since.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import msgspec
from confluent_kafka import Message as Record
from msgspec import Struct, field

from config.settings import Settings
from schemas.codec import DAMAGE
from schemas.dead_letter import TOPIC, Refusal, WebhookReason
from streams.amounts import plural
from streams.commands import kafka, terminal
from streams.connection import Brokers, brokers_of
from streams.producer import Producer
from streams.webhooks.courier import Courier, Outcome
from streams.webhooks.intake import WAITING_MAX
from streams.webhooks.parcel import Parcel, Place, Source, parcel_of, source_of
from streams.webhooks.post import Poster
from streams.webhooks.reports import REPORTS, delivered_id, records_of, send_for_good
from streams.webhooks.targets import Addressed, load_targets

_LOOK_S = 0.5
# What stands in the id of each report.
_SIGN = b"webhook/"


class Redelivered(Struct):
    """What became of the letters. alike: not sent, because one like it was.

    skipped: not sent, because the target has taken the trigger since.
    """

    delivered: int = 0
    undelivered: dict[str, int] = field(default_factory=dict)
    alike: int = 0
    skipped: int = 0


class _Event(Struct):
    event_id: str = ""


def run(settings: Settings, only: Sequence[str], *, again: bool, as_json: bool) -> int:
    """Send them, and say what became of them; returns the exit code.

    again: also those that have been delivered since.
    """
    targets = {it.name: it for it in load_targets(settings)}
    if unknown := [name for name in only if name not in targets]:
        raise terminal.UsageError(
            f"no target {unknown[0]!r} in {settings.webhooks}; there are {', '.join(targets)}"
        )
    wanted = {name: it for name, it in targets.items() if not only or name in only}
    brokers = brokers_of(settings)
    kafka.reach(brokers).require([TOPIC, REPORTS])
    done = Redelivered()
    found = _wanted(brokers, wanted, done)
    if not again:
        found = _without_delivered(brokers, found, done)
    asyncio.run(_Round(brokers, wanted, done).send(found))
    if as_json:
        terminal.say_json(done)
    else:
        terminal.out.print(f"{plural(done.delivered, 'letter')} delivered", style="green")
        for reason, count in done.undelivered.items():
            terminal.out.print(f"{count:,} not delivered: {reason}", style="red")
        if done.skipped:
            terminal.out.print(
                f"{done.skipped:,} skipped, delivered since (--again sends them too)."
            )
        if done.alike:
            terminal.out.print(f"{done.alike:,} more are like one of these.")
    return 1 if done.undelivered else 0


def _wanted(
    brokers: Brokers, targets: Mapping[str, Addressed], done: Redelivered
) -> list[tuple[str, Parcel]]:
    """The triggers in the letters, each once, with whose they are."""
    found: dict[tuple[str, str], Parcel] = {}
    for name, parcel in _read(brokers):
        if name not in targets:
            continue
        if (name, parcel.id) in found:
            done.alike += 1
        found.setdefault((name, parcel.id), parcel)
    return [(name, parcel) for (name, _), parcel in found.items()]


def _without_delivered(
    brokers: Brokers, found: list[tuple[str, Parcel]], done: Redelivered
) -> list[tuple[str, Parcel]]:
    """Leave out what a report says has been delivered, be it by the sink or by one of us."""
    if not found:
        return []
    ids = {delivered_id(name, parcel.id) for name, parcel in found}
    with kafka.Reader(brokers) as reader:
        delivered = {_event_id(it) for it in reader.to_the_end([REPORTS])} & ids
    left = [(name, it) for name, it in found if delivered_id(name, it.id) not in delivered]
    done.skipped = len(found) - len(left)
    return left


def _event_id(record: Record) -> str:
    """The id of an event, where it may be one of ours: there are many others."""
    value = source_of(record).value or b""
    if _SIGN not in value:
        return ""
    try:
        return msgspec.json.decode(value, type=_Event).event_id
    except DAMAGE:
        return ""


def _read(brokers: Brokers) -> Iterator[tuple[str, Parcel]]:
    with kafka.Reader(brokers) as reader:
        for record in reader.to_the_end([TOPIC]):
            headers = source_of(record).headers
            if headers.get("reason") in get_args(WebhookReason):
                parcel = parcel_of(_original(record, headers))
                if not isinstance(parcel, Refusal):
                    yield headers["target"], parcel


def _original(record: Record, headers: Mapping[str, str]) -> Source:
    """The trigger's record as it was, as far as its letter knows it."""
    letter = source_of(record)
    return Source(
        Place(headers["source_topic"], int(headers["source_partition"])),
        int(headers["source_offset"]),
        int(headers["source_at"]),
        letter.key,
        letter.value,
        {name: text for name, text in headers.items() if name.startswith("ce_")},
    )


class _Round:
    """One time through all letters."""

    def __init__(
        self, brokers: Brokers, targets: Mapping[str, Addressed], done: Redelivered
    ) -> None:
        self._brokers, self._targets, self._counts = brokers, targets, done
        self._room = asyncio.Semaphore(WAITING_MAX)
        self._left = 0

    async def send(self, found: Sequence[tuple[str, Parcel]]) -> None:
        """Return when each is delivered or not. Raises CommandError where a target is gone."""
        producer = Producer(self._brokers)
        posters = {name: Poster(it) for name, it in self._targets.items()}
        couriers = {
            name: Courier(
                name, it.target, posters[name], self._concluder(name, producer), self._done
            )
            for name, it in self._targets.items()
        }
        self._left = len(found)
        for name, parcel in found:
            await self._room.acquire()
            couriers[name].accept(parcel)
        while self._left:
            await asyncio.sleep(_LOOK_S)
            self._look(couriers)
        for poster in posters.values():
            await poster.session.close()
        await asyncio.to_thread(producer.close)

    def _look(self, couriers: Mapping[str, Courier]) -> None:
        for name, courier in couriers.items():
            if courier.broken.done():
                courier.broken.result()
            if courier.breaker.state == "gone" and courier.waiting:
                raise terminal.CommandError(
                    f"{name} answered 410, so nothing more is sent there: mend its url first"
                )

    def _concluder(self, name: str, producer: Producer) -> Any:
        async def conclude(parcel: Parcel, outcome: Outcome) -> None:
            at = time.time_ns() // 1_000_000
            await send_for_good(producer, records_of(name, parcel, outcome, at))
            if outcome.failure:
                counts = self._counts.undelivered
                counts[outcome.failure] = counts.get(outcome.failure, 0) + 1
            else:
                self._counts.delivered += 1

        return conclude

    def _done(self, _: Parcel) -> None:
        self._left -= 1
        self._room.release()

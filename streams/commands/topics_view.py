"""What do the topics hold? Partitions, records and, of the journal, how far it is applied."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from config.settings import Settings
from schemas import dead_letter
from schemas.cloud_event import DECISIONS
from schemas.codec import RAW_TOPICS
from schemas.ops import ops_topic
from state.redis_table import RedisTable
from state.table import StoreError
from streams.commands import kafka, terminal
from streams.connection import brokers_of, redis_url_of
from streams.topics import CUSTOMER_KEYS, JOURNAL, MARKS, Topic, leader_topic


class PartitionView(Struct, frozen=True):
    """A partition's first offset and the one after its last. applied: the next one to apply."""

    partition: int
    first: int
    end: int
    applied: int | None = None


class TopicView(Struct, frozen=True):
    """A topic; without partitions where it is missing."""

    topic: str
    purpose: str
    partitions: list[PartitionView]

    @property
    def records(self) -> int:
        """How many records the topic holds."""
        return sum(it.end - it.first for it in self.partitions)


def show(settings: Settings, names: Sequence[str], wanted: list[Topic], *, as_json: bool) -> int:
    """Print what there is of the topics; 1 where some are missing."""
    there = kafka.reach(brokers_of(settings)).partitions()
    asked = list(names) or [it.name for it in wanted]
    here = [name for name in asked if name in there]
    with kafka.Reader(brokers_of(settings)) as reader:
        bounds = reader.bounds(here)
    applied = asyncio.run(_applied(settings, there[JOURNAL])) if JOURNAL in here else {}
    views = [
        TopicView(
            name,
            _purpose(name, settings.group),
            [
                PartitionView(
                    it, *_ends(bounds[name, it]), applied.get(it) if name == JOURNAL else None
                )
                for it in range(there.get(name, 0))
            ],
        )
        for name in asked
    ]
    if as_json:
        for view in views:
            terminal.say_json(view)
    elif names:
        _print_partitions(views)
    else:
        _print_topics(views)
    missing = [view.topic for view in views if not view.partitions]
    if missing:
        hint = "" if names else ". Make them with `ebbtide topics create`"
        terminal.err.print(f"ebbtide: missing topics: {', '.join(missing)}{hint}", style="red")
    return 1 if missing else 0


def _ends(bounds: kafka.Bounds) -> tuple[int, int]:
    return bounds.first, bounds.end


async def _applied(settings: Settings, partitions: int) -> dict[int, int]:
    """The offset that each journal partition is applied up to; empty where Redis is away."""
    async with RedisTable(redis_url_of(settings)) as rows:
        try:
            return {it: (await rows.position(it)).offset for it in range(partitions)}
        except StoreError:
            return {}


def _purpose(name: str, group: str) -> str:
    if name in RAW_TOPICS:
        return "raw events, from storefronts"
    if name == leader_topic(group):
        return "its owner is the leader of the workers"
    said = {
        JOURNAL: "the one log: events and ticks",
        MARKS: "how far decisions are published",
        CUSTOMER_KEYS: "the keys that open what is personal in the journal",
        DECISIONS: "everything decided, silence included",
        dead_letter.TOPIC: "raw records not accepted, with reasons",
    }
    if name.startswith(ops_topic("")):
        return "what concerns the shop and no single customer"
    return said.get(name, "triggers, for marketing automation")


def _print_topics(views: list[TopicView]) -> None:
    shown = terminal.table(
        "topic", "partitions", "records", "what", right=("partitions", "records")
    )
    for view in views:
        if view.partitions:
            counts = str(len(view.partitions)), f"{view.records:,}"
        else:
            counts = "missing", "-"
        shown.add_row(view.topic, *counts, view.purpose, style="" if view.partitions else "red")
    terminal.out.print(shown)


def _print_partitions(views: list[TopicView]) -> None:
    numbers = ("partition", "first", "end", "applied")
    shown = terminal.table("topic", *numbers, right=numbers)
    for view in views:
        for it in view.partitions:
            applied = "" if it.applied is None else f"{it.applied:,}"
            shown.add_row(view.topic, str(it.partition), f"{it.first:,}", f"{it.end:,}", applied)
    terminal.out.print(shown)

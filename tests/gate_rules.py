"""Did the gate's rules hold? Told from the journal and the topics, without the gate's own code.

A replay goes through the same gate and would break the same rules. So here what was *published* is
laid beside the journal, and the rules are told anew, as simply as they can be:

- no window of a cap, or of the distance, holds more triggers than it allows;
- nothing for sale is published where it is quiet, and nothing that has expired;
- who is held out of a campaign is never told anything of it;
- a partition hands out no more than its part of a budget in any period, and its row knows how much;
- what was deferred ends with one record, or still waits in the row;
- counters say what was published.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, field

from agents.engine.engine import Engine
from agents.gate.caps import Cap
from agents.gate.gate import COMMERCIAL, Gate
from schemas.codec import encode_json
from schemas.decisions import Decision
from schemas.instant import DAY
from schemas.journal import Entry, LooksEntry, ModelEntry, Record, ShopEntry, Tick
from schemas.profiles import ErasureRequested, ProfileUpdated
from state.customer import decode_customer
from state.shop import decode_shop

_COUNTED = ("sent", "merged", "held_out", "deferred")


class Person(Struct):
    """A customer from their first event to their erasure. told: when, what and on which channel."""

    zone: str = ""
    told: list[tuple[int, str, str]] = field(default_factory=list)
    arms: dict[str, str] = field(default_factory=dict)


class Seen(Struct):
    """What was found. answers: of the gate, by outcome and reason, as they were counted."""

    answers: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def check_gate(
    engine: Engine, here: Any, published: Iterable[Decision], records: Iterable[Record]
) -> Seen:
    """Hold what one partition has published to the rules.

    here: the partition as a ``MemoryTable`` has it. records: the journal.
    """
    once = list({encode_json(it): it for it in published}.values())
    walk = _Walk(engine, here)
    walk.go(once, [it for it in records if not isinstance(it, ModelEntry | LooksEntry)])
    walk.check_counters(once)
    walk.check_budgets()
    walk.check_held(once)
    for name, by in here.counters.items():
        if name.startswith("gate/"):
            _, _, outcome, reason = name.split("/", 3)
            answer = outcome if outcome in ("sent", "merged") else f"{outcome}/{reason}"
            walk.seen.answers[answer] += by
    return walk.seen


class _Walk:
    """Goes through the journal, and sees at each record what was published because of it."""

    def __init__(self, engine: Engine, here: Any) -> None:
        self.seen = Seen()
        self._gate: Gate = engine._speech.gate
        self._agents = engine.agents
        self._partitions = engine._speech._partitions
        self._here = here
        self._persons: dict[str, Person] = defaultdict(Person)
        self._past: list[Person] = []
        self._waiting: set[tuple[str, str, str]] = set()
        self._handed: Counter[tuple[str, str, int]] = Counter()
        self._codes: set[str] = set()
        self._repeated = 0

    def go(
        self, published: Iterable[Decision], records: Iterable[Entry | ShopEntry | Tick]
    ) -> None:
        """Lay what was published beside the records that it came of."""
        by_event: dict[tuple[str, str], list[Decision]] = defaultdict(list)
        by_tick: dict[int, list[Decision]] = defaultdict(list)
        for it in published:
            if "@" not in it.cause and it.decided_at == it.cause_at:
                # What is no customer's event is a cause with its subject, and that for many of them.
                by_event["" if "/" in it.cause else it.customer_id, it.cause].append(it)
            else:
                by_tick[it.decided_at].append(it)
        clock_at = 0
        seen: set[tuple[str, str]] = set()
        carried: set[tuple[str, int, int]] = set()
        for record in records:
            if isinstance(record, Tick):
                clock_at = max(clock_at, record.at)
                self._settle(by_tick.pop(record.at, ()), clock_at)
                continue
            source = record.source.topic, record.source.partition, record.source.offset
            if source in carried:
                continue
            carried.add(source)
            name = self._hear(record)
            self._repeated += name in seen
            seen.add(name)
            self._settle(by_event.pop(name, ()), clock_at)
        for person in (*self._persons.values(), *self._past):
            self._check_caps(person)
        for left in (*by_event.values(), *by_tick.values()):
            for it in left:
                # What is withdrawn while it is held is refused at the moment of the withdrawal.
                if it.outcome != "suppressed":
                    self._tell(f"{it.id} has no cause in the journal")

    def _hear(self, entry: Entry | ShopEntry) -> tuple[str, str]:
        if isinstance(entry, ShopEntry):
            return "", f"{entry.event.subject}/{entry.event.event_id}"
        event = entry.event
        customer_id = event.customer_id or event.subject
        if isinstance(event, ErasureRequested):
            self._past.append(self._persons.pop(customer_id, Person()))
            self._waiting = {it for it in self._waiting if it[0] != customer_id}
        elif isinstance(event, ProfileUpdated) and event.time_zone:
            self._persons[customer_id].zone = event.time_zone
        return customer_id, event.event_id

    def _settle(self, decisions: Iterable[Decision], clock_at: int) -> None:
        for it in decisions:
            person, at = self._persons[it.customer_id], max(it.decided_at, clock_at)
            agent = self._agents[it.agent]
            if it.outcome == "deferred":
                self._waiting.add((it.customer_id, it.kind, it.cause))
            if it.outcome not in ("sent", "merged", "held_out") or agent.purpose not in COMMERCIAL:
                continue
            self._expose(person, it)
            if it.outcome == "held_out":
                continue
            if it.outcome == "sent":
                person.told.append((at, it.kind, it.channel))
                self._check_moment(person, it, at)
            self._hand_out(it, at)

    def _expose(self, person: Person, it: Decision) -> None:
        """Everybody is in one arm of a campaign, and stays there."""
        over_all = it.reason == "held_out_over_all"
        arms = {"*": "held_out" if over_all else "sent"}
        if not over_all:
            arms[it.campaign] = "held_out" if it.outcome == "held_out" else "sent"
        for campaign, arm in arms.items():
            if person.arms.setdefault(campaign, arm) != arm:
                self._tell(f"{it.customer_id} is in both arms of {campaign}: {it.id}")

    def _check_moment(self, person: Person, it: Decision, at: int) -> None:
        quiet = self._gate.quiet_hours
        assert quiet is not None
        wall = datetime.fromtimestamp(at / 1_000, ZoneInfo(person.zone or quiet.time_zone))
        begin, end, shown = quiet.begin, quiet.end, wall.strftime("%H:%M")
        is_quiet = begin <= shown < end if begin < end else shown >= begin or shown < end
        if is_quiet and it.channel in (quiet.channels or (it.channel,)):
            self._tell(f"{it.id} was sent at {wall:%H:%M:%S}, when it is quiet")
        if it.expires_at is not None and it.expires_at <= at:
            self._tell(f"{it.id} had expired")

    def _check_caps(self, person: Person) -> None:
        distance = Cap(sent_max=1, hours=self._gate.distance_hours)
        for cap in (distance, *self._gate.caps):
            groups: dict[str, list[int]] = defaultdict(list)
            for at, kind, channel in person.told:
                if kind in (cap.kinds or (kind,)) and channel in (cap.channels or (channel,)):
                    groups[{"kind": kind, "channel": channel}.get(cap.per, "")].append(at)
            for moments in groups.values():
                moments.sort()
                for first, last in zip(moments, moments[cap.sent_max :], strict=False):
                    if last - first < cap.window:
                        self._tell(f"more than {cap.sent_max} in {cap.hours} hours: {moments}")

    def _hand_out(self, it: Decision, at: int) -> None:
        agent, payload = self._agents[it.agent], msgspec.json.decode(it.payload)
        # A promotion has a code too, and a cart is worth something: a coupon has both.
        is_coupon = payload.keys() >= {"code", "value_cents"}
        coupon = payload if is_coupon else payload.get("coupon")
        # A code that was told before is a reminder.
        # And a promotion's code is everybody's, and costs no budget.
        if not coupon or "currency" not in coupon or coupon["code"] in self._codes:
            return
        self._codes.add(coupon["code"])
        length = round(agent.budget_days * DAY)
        which = it.campaign, coupon["currency"], at // length * length
        self._handed[which] += coupon["value_cents"]
        part = agent.budget_cents.get(coupon["currency"], 0) // self._partitions
        if agent.budget_cents and self._handed[which] > part:
            self._tell(f"{self._handed[which]} of {part} handed out: {which}")

    def check_counters(self, published: Iterable[Decision]) -> None:
        """Hold the counters to what was published."""
        wanted: Counter[str] = Counter()
        for it in published:
            if it.outcome in _COUNTED:
                wanted[f"gate/{it.campaign}/{it.outcome}/{it.reason}"] += 1
        for person in (*self._persons.values(), *self._past):
            wanted.update(f"effect/{it}/{arm}/customers" for it, arm in person.arms.items())
        for (campaign, currency, _), cents in self._handed.items():
            wanted[f"money/{campaign}/handed_out/{currency}"] += cents
        found = {name: by for name, by in self._here.counters.items() if _is_told(name)}
        # What a storefront repeats late may be decided, and counted, twice: docs/adr/0002.
        if found != wanted and not self._repeated:
            self._tell(f"counted {found}, published {dict(wanted)}")

    def check_budgets(self) -> None:
        """Hold the partition's row to what was handed out."""
        budgets = decode_shop(self._here.shop).budgets if self._here.shop else {}
        for campaign, spent in budgets.items():
            handed = {currency: cents for (name, currency, since), cents in self._handed.items()
                      if (name, since) == (campaign, spent.since)}  # fmt: skip
            if handed != spent.cents and not self._repeated:
                self._tell(f"{campaign} has spent {spent.cents}, and handed out {handed}")

    def check_held(self, published: Iterable[Decision]) -> None:
        """What was deferred and has not ended is what rows hold."""
        ended = {(it.customer_id, it.kind, it.cause) for it in published
                 if it.outcome not in ("deferred", "noted")}  # fmt: skip
        held = {(customer_id, it.kind, it.cause)
                for customer_id, row in self._here.customers.items()
                for it in decode_customer(customer_id, row).held}  # fmt: skip
        if held != self._waiting - ended:
            self._tell(f"held {held}, deferred and not ended {self._waiting - ended}")

    def _tell(self, what: str) -> None:
        self.seen.differences.append(f"the gate: {what}")


def _is_told(counter: str) -> bool:
    """Whether the topics tell how high the counter has to be."""
    family, *names = counter.split("/")
    if family == "gate":
        return names[1] in _COUNTED
    return (family == "effect" and names[-1] == "customers") or names[1:2] == ["handed_out"]

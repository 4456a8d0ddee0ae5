"""What would Ebbtide say in such a case? A scenario, played through the real engine in memory.

The settings are those of the installation, and the clock jumps to whatever is due next, so each
trigger comes at its second. Nothing is published, nobody in it is real, and nobody is held out: a
story in which nothing comes, because its customer is by chance in the holdout, would show nothing.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from agents.engine.engine import Engine
from agents.gate.holdout import Holdout
from schemas.decisions import Decision
from schemas.event import Event
from schemas.instant import LATEST, SECOND
from schemas.journal import Tick
from schemas.orders import OrderPlaced
from schemas.shop_events import ShopEvent
from state.customer import decode_customer
from state.table import Needs
from streams.bootstrap import Policy
from streams.replay import Fact, Replay
from streams.simulated.scenario import Scenario
from streams.simulated.story import Row

_PARTITION = 0


class Scene(Struct, frozen=True):
    """A moment in which something happens, or something is decided or learned of a customer.

    happens: as it stands in the table; event: the same, with the codes of coupons put in.
    learned: traits with their new values; None where one is not there any more.
    """

    at: int
    customer_id: str
    happens: str
    comment: str
    decided: list[Decision]
    event: Event | ShopEvent | None = None
    learned: dict[str, str | None] = {}


def play(scenario: Scenario, policy: Policy, *, all_agents: bool = False) -> list[Scene]:
    """What is said in it, moment by moment. all_agents: not by those alone whom it is about.

    Raises ScenarioError where an agent that it is about is off.
    """
    cast = [
        replace(it, holdout_share=0.0) for it in scenario.cast(policy.agents, all_agents=all_agents)
    ]
    gate = replace(policy.gate, holdout=Holdout(share=0, over_all=0))
    return asyncio.run(_Stage(Engine(cast, gate, policy.settings)).play(scenario.rows))


class _Stage:
    """One performance: a partition of its own, and what was said in it so far."""

    def __init__(self, engine: Engine) -> None:
        self._shop = Replay(engine, partitions=1)
        self._scenes: list[Scene] = []
        self._known = 0
        self._rows: dict[str, bytes] = {}
        self._traits: dict[str, dict[str, str]] = {}
        self._codes: dict[tuple[str, str], str] = {}

    async def play(self, rows: list[Row]) -> list[Scene]:
        clock_at, running = rows[0].at, True
        for row in rows:
            if row.command:
                running, clock_at = row.command == "goes_on", row.at
            if running:
                while (at := await self._due(clock_at)) < row.at:
                    clock_at = at
                    await self._show(at, Tick(at), None)
                clock_at = row.at
                silent = row.event is None and not row.command
                await self._show(row.at, Tick(row.at), row if silent else None)
            if row.event is not None:
                await self._show(row.at, self._with_codes(row.event), row)
        return self._scenes

    async def _due(self, clock_at: int) -> int:
        """The next full second at which a timer fires, as the clock of a worker would find it."""
        needs = Needs(due_until=LATEST, due_max=1)
        due = (await self._shop.table.load(_PARTITION, needs)).due
        if not due:
            return LATEST
        return max(-(-due[0][0] // SECOND), clock_at // SECOND + 1) * SECOND

    async def _show(self, at: int, fact: Fact, row: Row | None) -> None:
        """Let it happen, and make a scene for each customer of whom anything came."""
        await self._shop.run([fact])
        everything = self._shop.decisions[_PARTITION]
        decided, self._known = everything[self._known :], len(everything)
        self._codes |= dict(_codes(decided))
        learned = dict(self._learned())
        event = None if isinstance(fact, Tick) else fact
        first = [row.customer_id] if row else []
        others = [*(it.customer_id for it in decided), *learned]
        for customer_id in dict.fromkeys([*first, *others]):
            here = row if row and customer_id == row.customer_id else None
            theirs = [it for it in decided if it.customer_id == customer_id]
            scene = Scene(
                at, customer_id, here.happens if here else "", here.comment if here else "",
                theirs, event if here else None, learned.get(customer_id, {}),
            )  # fmt: skip
            self._scenes.append(scene)

    def _learned(self) -> Iterator[tuple[str, dict[str, str | None]]]:
        """By customer, the traits that are others than before."""
        rows = self._shop.table.rows(_PARTITION)
        for customer_id, row in rows.items():
            if self._rows.get(customer_id) == row:
                continue
            self._rows[customer_id] = row
            portrait = decode_customer(customer_id, row).portrait
            after = {name: trait.value for name, trait in portrait.items()}
            before = self._traits.get(customer_id, {})
            self._traits[customer_id] = after
            new: dict[str, str | None] = {
                name: after.get(name)
                for name in (*after, *before)
                if after.get(name) != before.get(name)
            }
            if new:
                yield customer_id, new

    def _with_codes(self, event: Event | ShopEvent) -> Event | ShopEvent:
        """An order that names coupons by their kind, with the codes that the customer has."""
        if not isinstance(event, OrderPlaced) or not event.coupons:
            return event
        codes = [self._codes.get((event.subject, it), it) for it in event.coupons]
        return replace(event, coupons=tuple(codes))


def _codes(decided: Iterable[Decision]) -> Iterator[tuple[tuple[str, str], str]]:
    """The code that a trigger hands out, by customer and kind."""
    for it in decided:
        if it.outcome == "sent":
            payload = json.loads(bytes(it.payload))
            coupon = payload.get("coupon") or payload
            if "code" in coupon:
                yield (it.customer_id, it.kind), coupon["code"]

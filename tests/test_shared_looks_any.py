"""Leaders die, partitions lag and go back, sends break off: each look is learned once by all others."""

import asyncio
import copy
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from partition import Partition, journal
from street import AGENT, AT, engine

from schemas.clickstream import ProductViewed
from schemas.codec import decode_record
from schemas.journal import Record, Tick
from state.memory_table import MemoryTable
from state.table import Loaded
from streams.learning.sharing import NEEDS, Exchange, Round

SHOPS = 3
ONE = st.integers(0, SHOPS - 1)
LEADER = st.integers(0, 1)


class Exchanged(RuleBasedStateMachine):
    """Three partitions with their journals, and two workers that each take themselves for the leader."""

    def __init__(self) -> None:
        super().__init__()
        self.shops = [Partition(AGENT) for _ in range(SHOPS)]
        for it in self.shops:
            it.engine = engine(SHOPS)
        self.logs: list[list[Record]] = [[] for _ in range(SHOPS)]
        self.applied = [0] * SHOPS
        self.kept: dict[int, tuple[MemoryTable, int]] = {}
        self.leaders = [Exchange(SHOPS), Exchange(SHOPS)]
        self.held: tuple[Exchange, Round] | None = None
        self.looks = [0] * SHOPS
        self.clock, self.events = AT, 0

    def _loaded(self) -> list[Loaded]:
        return [asyncio.run(it.table.load(0, NEEDS)) for it in self.shops]

    def _apply(self, shop: int, until: int) -> None:
        if until > self.applied[shop]:
            self.shops[shop].feed(self.logs[shop][self.applied[shop] : until])
            self.applied[shop] = until

    def _send(self, found: Round, arrive: int = 10_000) -> None:
        for shop, value in found.records[:arrive]:
            self.logs[shop].append(decode_record(value))

    @rule(shop=ONE, products=st.lists(st.integers(0, 4), min_size=1, max_size=6))
    def visit(self, shop: int, products: list[int]) -> None:
        views = [
            ProductViewed(
                event_id=f"e{self.events + number}", occurred_at=AT + self.events + number,
                anonymous_id=f"v{self.events}", product_id=f"p{it}",
            )
            for number, it in enumerate(products)
        ]  # fmt: skip
        self.logs[shop] += journal(views, begin=self.events)
        self.looks[shop] += len(views)
        self.events += len(views)

    @rule(shop=ONE, part=st.sampled_from((0.3, 1.0, 1.0)))
    def apply(self, shop: int, part: float) -> None:
        behind = len(self.logs[shop]) - self.applied[shop]
        self._apply(shop, self.applied[shop] + round(part * behind))

    @rule(by=st.sampled_from((1, 2, 1_000)))
    def tick(self, by: int) -> None:
        self.clock += by
        for it in self.logs:
            it.append(Tick(self.clock))

    @rule(leader=LEADER)
    def carry_over(self, leader: int) -> None:
        exchange = self.leaders[leader]
        if found := exchange.round(self._loaded()):
            self._send(found)
            exchange.done(found)

    @rule(leader=LEADER, arrive=st.integers(0, 2))
    def carry_over_in_part(self, leader: int, arrive: int) -> None:
        if found := self.leaders[leader].round(self._loaded()):
            self._send(found, arrive)

    @rule(leader=LEADER)
    def pause_between_reading_and_writing(self, leader: int) -> None:
        exchange = self.leaders[leader]
        if self.held is None and (found := exchange.round(self._loaded())):
            self.held = exchange, found

    @rule()
    def go_on_after_the_pause(self) -> None:
        if self.held is not None:
            exchange, found = self.held
            self._send(found)
            exchange.done(found)
            self.held = None

    @rule(leader=LEADER)
    def die(self, leader: int) -> None:
        self.leaders[leader] = Exchange(SHOPS)

    @rule(shop=ONE)
    def back_up(self, shop: int) -> None:
        self.kept[shop] = copy.deepcopy(self.shops[shop].table), self.applied[shop]

    @rule(shop=ONE)
    def go_back(self, shop: int) -> None:
        kept: tuple[Any, int] = self.kept.get(shop, (MemoryTable(), 0))
        self.shops[shop].table, self.applied[shop] = copy.deepcopy(kept[0]), kept[1]

    def teardown(self) -> None:
        """All is well again: what was not carried over yet is, and everybody catches up."""
        for _ in range(3):
            for shop in range(SHOPS):
                self._apply(shop, len(self.logs[shop]))
            if found := Exchange(SHOPS).round(self._loaded()):
                self._send(found)
        for shop in range(SHOPS):
            self._apply(shop, len(self.logs[shop]))
            learned = self.shops[shop].state()["counters"].get("shared_looks/learned", 0)
            assert learned == sum(self.looks) - self.looks[shop]


TestExchanged = Exchanged.TestCase
TestExchanged.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)

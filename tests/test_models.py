"""Models: what is learned takes effect by a record of the log, in the log's order, and only so."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learner import AT, LargeOrder, Mean, Orders, Paid, days, order
from msgspec import Raw, Struct
from partition import AGREED, SETTINGS, Fact, Partition, cut, journal

from agents.agent import Act, Agent, Await, Decided, Enter, Note, Say, SetTimer, Timer, View
from agents.engine.engine import Engine
from agents.product_change import ProductChange
from agents.roster import _named_after
from schemas.clickstream import PageViewed
from schemas.codec import decode_record, encode_json
from schemas.decisions import Decision, Evidence
from schemas.instant import DAY, HOUR
from schemas.journal import ModelEntry, Record, Tick
from schemas.profiles import ErasureRequested
from schemas.shop_events import StockChanged
from state.customer import RowError
from state.ledger import Ledgers
from state.model import Models, kept_in, model_key
from streams.replay import Replay


def model(cents: float, made_at: int, version: str = "v") -> ModelEntry:
    return ModelEntry("large_order", version, made_at, Raw(encode_json(Mean(cents, 9))))


def said(decisions: Sequence[Decision]) -> list[tuple[str, object]]:
    return [(it.reason, it.evidence.values["model"]) for it in decisions]


def in_effect(shop: Partition) -> str | None:
    rows = shop.state()["ledgers"]
    fitted = Models(rows).read("large_order", Mean) if model_key("large_order") in rows else None
    return None if fitted is None else fitted.version


def test_a_model_is_decided_by_from_its_record_on() -> None:
    shop = Partition(LargeOrder())
    before, after = journal([order(1, "ann", 500, AT), order(2, "bob", 500, AT + 1)])
    assert said(shop.feed([before, model(100, AT, "first"), after])) == [("large", "first")]
    [later] = journal([order(3, "cid", 500, AT + 2)], begin=5)
    assert said(shop.feed([later])) == [("large", "first")]


def test_a_model_is_there_when_a_timer_fires() -> None:
    shop = Partition(LargeOrder())
    shop.facts(order(1, "ann", 500, AT))
    shop.feed([model(100, AT, "first")])
    assert said(shop.facts(Tick(AT + 2 * DAY))) == [("a_day_later", "first")]


def test_of_two_models_the_one_that_was_made_last_stays_and_of_equals_the_first() -> None:
    shop = Partition(LargeOrder())
    shop.feed([model(1, AT + 5, "b"), model(2, AT, "a"), model(3, AT + 5, "c")])
    assert in_effect(shop) == "b"
    assert shop.state()["counters"] == {
        "models/large_order/in_effect": 1, "models/large_order/outdated": 2,
    }  # fmt: skip
    shop.feed([model(4, AT + 6, "d")])
    assert in_effect(shop) == "d"


def test_what_no_agent_can_use_is_counted_and_stops_nobody() -> None:
    shop = Partition(LargeOrder())
    broken = ModelEntry("large_order", "broken", AT + 9, Raw(b'{"cents":"many"}'))
    unknown = ModelEntry("nobody", "v", AT, Raw(b"{}"))
    [placed] = journal([order(1, "ann", 500, AT)])
    assert said(shop.feed([model(100, AT, "good"), broken, unknown, placed])) == [("large", "good")]
    counters = shop.state()["counters"]
    assert counters["models/large_order/unreadable"] == 1
    assert counters["models/nobody/off"] == 1
    assert model_key("nobody") not in shop.state()["ledgers"]


def test_a_model_of_a_type_that_the_agent_no_longer_has_is_none() -> None:
    class Other(Struct, frozen=True):
        weights: list[float]

    shop = Partition(LargeOrder())
    shop.feed([model(100, AT)])
    assert Models(shop.state()["ledgers"]).read("large_order", Other) is None
    with pytest.raises(RowError, match="the model of 'large_order' is not readable"):
        Models({model_key("large_order"): b"\xc1"}).read("large_order", Mean)


def test_agents_without_a_model_load_none() -> None:
    class Plain(LargeOrder, frozen=True):
        model: ClassVar = None

    learns, plain = (Partition(it).engine for it in (LargeOrder(), Plain()))
    [placed, tick] = journal([order(1, "ann", 500, AT), Tick(AT)])
    assert learns.needs([placed]).ledgers == ["large_order", "model:large_order"]
    assert learns.needs([tick]).ledgers == ["model:large_order"]
    assert plain.needs([placed]).ledgers == ["plain"]
    assert plain.needs([tick]).ledgers == []


class Everywhere(Agent, frozen=True):
    """Notes by which model it would decide, whenever it is asked."""

    listens: ClassVar = (PageViewed, Decided)
    says: ClassVar = {"everywhere": Mean}
    keeps: ClassVar = Orders
    keeps_at_ticks: ClassVar = True
    model: ClassVar = Mean

    purpose: Any = "internal"

    def on_event(self, event: PageViewed | Decided, customer: View) -> Iterable[Act]:
        """Speak, and wait for everything else."""
        yield noted(type(event).__name__, customer)
        if isinstance(event, PageViewed):
            yield from (Await("tea"), SetTimer(customer.at + HOUR))
            yield Say(reason="viewed", payload=Mean(0, 0))

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """An hour has passed."""
        yield noted("timer", customer)

    def on_product(self, change: ProductChange, customer: View) -> Iterable[Act]:
        """Tea is there, or is not."""
        yield noted("product", customer)

    def on_end(self, customer: View) -> Iterable[Enter]:
        """The row ends."""
        fitted = customer.model(Mean)
        yield Enter(Paid(round(fitted.model.cents) if fitted else 0))


def noted(occasion: str, customer: View) -> Note:
    fitted = customer.model(Mean)
    version = "" if fitted is None else fitted.version
    return Note(reason=occasion, evidence=Evidence(values={"model": version}))


def test_a_model_is_there_on_every_occasion_on_which_its_agent_is_asked() -> None:
    shop = Partition(Everywhere())
    shop.feed([ModelEntry("everywhere", "v", AT, Raw(b'{"cents":7,"orders":1}'))])
    happens: list[Fact] = [
        PageViewed(event_id="a", occurred_at=AT, customer_id="ann", url="/"),
        StockChanged(event_id="b", occurred_at=AT, product_id="tea", available=5),
        StockChanged(event_id="c", occurred_at=AT + 1, product_id="tea", available=0),
        Tick(AT + 2 * HOUR),
        ErasureRequested(event_id="d", occurred_at=AT + 3 * HOUR, customer_id="ann"),
    ]
    # Each in a batch of its own, so that none has what another has loaded.
    notes = [
        it for number, fact in enumerate(happens) for it in shop.facts(fact, begin=10 * number)
    ]
    assert {(it.reason, it.evidence.values.get("model")) for it in notes if it.kind == "everywhere"
            and it.outcome == "noted"} == {
        ("PageViewed", "v"), ("Decided", "v"), ("product", "v"), ("timer", "v"),
    }  # fmt: skip
    assert Ledgers(shop.state()["ledgers"]).read("everywhere", Orders).cents == 7


class Hearer(Agent, frozen=True):
    """Hears of what is sent and of nothing else, so it is asked on anybody's occasions."""

    listens: ClassVar = (Decided,)
    keeps: ClassVar = Orders
    model: ClassVar = Mean

    def on_event(self, event: Decided, customer: View) -> Iterable[Act]:
        """Note it."""
        yield noted(f"heard of {event.kind}", customer)


def test_who_hears_of_triggers_has_a_model_wherever_another_agent_speaks() -> None:
    shop = Partition(Everywhere(), Hearer())
    shop.feed([ModelEntry("hearer", "v", AT, Raw(b'{"cents":7,"orders":1}'))])
    view = PageViewed(event_id="a", occurred_at=AT, customer_id="ann", url="/")
    heard = [it for it in shop.facts(view) if it.agent == "hearer"]
    assert said(heard) == [("heard of everywhere", "v")]


def test_an_agent_that_learns_keeps_a_ledger_and_its_model_is_frozen() -> None:
    class Loose(Struct):
        pass

    class NoLedger(Agent, frozen=True):
        model: ClassVar = Mean

    class NotFrozen(Agent, frozen=True):
        keeps: ClassVar = Orders
        model: ClassVar = Loose

    with pytest.raises(TypeError, match=r"no_ledger\.py: .* name `keeps`"):
        _named_after(NoLedger, "no_ledger")
    with pytest.raises(TypeError, match=r"not_frozen\.py: Loose is a model: it must be frozen"):
        _named_after(NotFrozen, "not_frozen")
    assert _named_after(LargeOrder, "large_order") == "large_order"


def test_an_agent_that_asks_for_a_model_without_naming_its_type_fails_alone() -> None:
    class Forgetful(LargeOrder, frozen=True):
        model: ClassVar = None

    [failed] = Partition(Forgetful()).facts(order(1, "ann", 500, AT))
    assert failed.reason == "agent_failed"
    assert "must name its type" in str(failed.evidence.values["error"])


@given(
    steps=st.lists(
        st.one_of(st.integers(1, 999), st.tuples(st.integers(0, 3), st.integers(1, 999))),
        max_size=12,
    ),
    sizes=st.lists(st.integers(1, 4), max_size=12),
)
@settings(deadline=None)
def test_the_same_log_decides_the_same_however_it_is_cut(
    steps: list[int | tuple[int, int]], sizes: list[int]
) -> None:
    log: list[Record] = []
    for number, step in enumerate(steps):
        if isinstance(step, tuple):
            log.append(model(step[1], AT + step[0], f"v{number}"))
        else:
            log += journal([order(number, "ann", step, AT + number)], begin=number)
    log.append(Tick(AT + 9 * DAY))
    at_once, by_pieces = Partition(LargeOrder()), Partition(LargeOrder())
    decided = at_once.feed(log)
    assert [it for batch in cut(log, sizes) for it in by_pieces.feed(batch)] == decided
    for name in ("ledgers", "customers", "counters"):
        assert by_pieces.state()[name] == at_once.state()[name]


def test_a_record_of_a_model_is_json_that_kcat_can_read() -> None:
    entry = model(12.5, AT, "2026-01-20.a1b2c3")
    assert encode_json(entry) == (
        b'{"type":"model","agent":"large_order","version":"2026-01-20.a1b2c3",'
        b'"made_at":1768896000000,"model":{"cents":12.5,"orders":9}}'
    )
    assert decode_record(encode_json(entry)) == entry


def replayed(*agents: Agent, learns: bool = True) -> Replay:
    replay = Replay(Engine(agents, AGREED, SETTINGS, 2), 2, learns=learns)
    asyncio.run(replay.run(days(100, 300, 500, 100, 400)))
    return replay


def test_a_history_is_learned_from_each_day_and_never_from_what_comes_later() -> None:
    replay = replayed(LargeOrder())
    # The first order alone is not enough. Each day's model knows the days before it.
    models = [msgspec.json.decode(it.model, type=Mean) for it in replay.models]
    assert models == [Mean(200, 2), Mean(300, 3), Mean(250, 4)]
    assert [it.version[:10] for it in replay.models] == ["2026-01-22", "2026-01-23", "2026-01-24"]
    for partition in range(2):
        row = replay.table.contents(partition)["ledgers", "model:large_order"]
        assert kept_in("large_order", row).version == replay.models[-1].version
    large = [it for part in replay.decisions for it in part if it.reason == "large"]
    assert {it.evidence.values["model"] for it in large} == {
        replay.models[0].version, replay.models[2].version,
    }  # fmt: skip


def test_a_replay_that_learns_nothing_makes_no_models() -> None:
    assert replayed(LargeOrder(), learns=False).models == []

"""Models: what is learned takes effect by a record of the log, in the log's order, and only so."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learner import AT, LargeOrder, Mean, days, order
from msgspec import Raw, Struct
from partition import AGREED, SETTINGS, Partition, cut, journal

from agents.agent import Agent
from agents.engine import Engine
from schemas.codec import decode_record, encode_json
from schemas.decisions import Decision
from schemas.instant import DAY
from schemas.journal import ModelEntry, Record, Tick
from state.customer import RowError
from state.model import Models, model_key
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
        "models/large_order/applied": 1, "models/large_order/outdated": 2,
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
    large = [it for part in replay.decisions for it in part if it.reason == "large"]
    assert {it.evidence.values["model"] for it in large} == {
        replay.models[0].version, replay.models[2].version,
    }  # fmt: skip


def test_a_replay_that_learns_nothing_makes_no_models() -> None:
    assert replayed(LargeOrder(), learns=False).models == []

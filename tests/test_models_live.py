"""Models for real: a worker learns, decides by it, dies; and a model is backed up and made anew."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from command_line import Ebbtide, untouched
from learner import Mean, order
from live_shop import Shop, now, open_shop, read, until
from msgspec import Raw
from test_pipeline import FEWER_DAYS, in_memory, same
from test_pipeline import run as run_history

import agents
from config.settings import DEFAULT_CONFIG
from schemas.clickstream import ProductViewed
from schemas.cloud_event import DECISIONS
from schemas.codec import decode_decision, decode_record, encode_json
from schemas.decisions import Decision
from schemas.instant import to_text
from schemas.journal import ModelEntry
from state.beside import LOOK
from state.model import kept_in
from state.product import Product
from state.redis_models import KEPT_MAX, MadeModel, RedisModels
from streams.commands.kafka import Reader
from streams.connection import Brokers
from streams.demo.path import PARTITIONS
from streams.demo.progress import Progress
from streams.producer import Outbound, Producer
from streams.topics import JOURNAL

pytestmark = pytest.mark.live

#: An agent is found because its file is there: among the agents, or where one looks for more.
AGENT = """
import learner
class LargeOrder(learner.LargeOrder, frozen=True): pass
"""
PROGRAM = (
    "import sys, agents; sys.path.append({tests!r}); agents.__path__.append({beside!r});"
    " from streams import main; main.run()"
)
#: A day of this log has two seconds.
SECTIONS = f"""
[models]
every_hours = {2 / 3_600}
look_seconds = 0.3
[agents.large_order]
"""
CUSTOMERS = [f"c{it}" for it in range(12)]


@contextmanager
def open_school(folder: Path, **settings: Any) -> Iterator[Shop]:
    """A shop whose worker has the agent that learns, and so has this process."""
    config = folder / "engine.toml"
    shipped, _, rest = DEFAULT_CONFIG.read_text("utf-8").partition("[models]")
    shipped = shipped.replace("share_seconds = 10 ", "share_seconds = 0.5 ")
    config.write_text(shipped + SECTIONS + "[ops]" + rest.partition("[ops]")[2])
    (folder / "large_order.py").write_text(AGENT)
    program = PROGRAM.format(tests=str(Path(__file__).parent), beside=str(folder))
    with pytest.MonkeyPatch.context() as here:
        here.setattr(agents, "__path__", [*agents.__path__, str(folder)])
        with open_shop(folder, config=str(config), program=("-c", program), **settings) as shop:
            yield shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_school(tmp_path_factory.mktemp("models")) as shop:
        yield shop


@pytest.fixture
def command(
    shop: Shop, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """Runs a command with --json; its answers."""
    with untouched(monkeypatch):
        for name in ("broker", "redis_url", "coupon_key", "config"):
            monkeypatch.setenv(f"EBBTIDE_{name.upper()}", getattr(shop.settings, name))
        ebbtide = Ebbtide(capfd)

        def run(*words: str) -> list[dict[str, Any]]:
            code, told, complained = ebbtide(*words, "--json")
            assert code == 0, complained
            return [json.loads(line) for line in told.splitlines()]

        yield run


def publish(shop: Shop, begin: int, cents: int) -> None:
    """An order of everybody."""

    async def send() -> None:
        producer = Producer(Brokers(shop.servers.broker))
        orders = [order(begin + it, who, cents, now()) for it, who in enumerate(CUSTOMERS)]
        await producer.send(
            [Outbound("orders", encode_json(it), it.subject.encode()) for it in orders]
        )
        producer.close()

    asyncio.run(send())


def in_effect(shop: Shop) -> list[bytes | None]:
    """The body of the model of each partition."""
    with redis.Redis.from_url(shop.servers.redis_url) as client:
        rows = [
            client.hget(f"ebb:{{p{it}}}:ledgers", "model:large_order") for it in range(PARTITIONS)
        ]
    return [None if it is None else kept_in("large_order", it).body for it in rows]


def agree_on(shop: Shop, model: Mean) -> bool:
    bodies = in_effect(shop)
    return all(it and msgspec.json.decode(it, type=Mean) == model for it in bodies)


def test_a_worker_learns_and_decides_by_it_and_so_does_its_successor(shop: Shop) -> None:
    publish(shop, 0, 1_000)
    until(lambda: agree_on(shop, Mean(1_000, 12)), "all partitions have the model of all orders")
    publish(shop, 100, 2_000)
    decided = read(shop.servers.broker, DECISIONS, lambda it: len(_large(it)) >= len(CUSTOMERS))
    used = _large(decided)[0].evidence.values["model"]
    read(shop.servers.broker, JOURNAL, lambda it: used in {at.version for at in _models(it)})
    until(lambda: agree_on(shop, Mean(1_500, 24)), "they have that of more orders")
    shop.kill_worker()
    until(shop.ready, "the worker is ready again")
    publish(shop, 200, 3_000)
    until(lambda: agree_on(shop, Mean(2_000, 36)), "the next worker trains, too")


def test_what_was_looked_at_in_one_partition_is_known_in_all(shop: Shop) -> None:
    views = [
        ProductViewed(event_id=f"{who}-{it}", occurred_at=now(), customer_id=who, product_id=it)
        for who in CUSTOMERS
        for it in ("tent", "mat")
    ]

    async def send() -> None:
        producer = Producer(Brokers(shop.servers.broker))
        raw = [Outbound("clickstream", encode_json(it), it.subject.encode()) for it in views]
        await producer.send(raw)
        producer.close()

    def all_know() -> bool:
        """Each of the looks counts beside the tent in all partitions, wherever it was."""
        with redis.Redis.from_url(shop.servers.redis_url) as client:
            rows = [client.hget(f"ebb:{{p{it}}}:products", "tent") for it in range(PARTITIONS)]
        tents = [msgspec.msgpack.decode(it, type=Product).beside for it in rows if it]
        return [it.near.get("mat") for it in tents if it] == [len(CUSTOMERS) * LOOK] * PARTITIONS

    asyncio.run(send())
    until(all_know, "all partitions have learned of all looks")


def _large(records: list[Any]) -> list[Decision]:
    found = [decode_decision(it.value()) for it in records]
    return [it for it in found if it.reason == "large"]


def _models(records: list[Any]) -> list[ModelEntry]:
    found = [decode_record(it.value()) for it in records]
    return [it for it in found if isinstance(it, ModelEntry)]


def test_what_was_learned_is_listed_and_can_be_gone_back_to(
    shop: Shop, command: Callable[..., list[dict[str, Any]]]
) -> None:
    listed = command("models", "list")
    assert len(listed) >= 3
    assert {it["agent"] for it in listed} == {"large_order"}
    # One may have been made in the middle of the first orders.
    shown = [command("models", "show", "large_order", it["version"])[0] for it in listed]
    [old, *_] = [it for it in shown if it["model"] == {"cents": 1_000, "orders": 12}]
    command("models", "use", "large_order", old["version"])

    def is_used(entries: list[Any]) -> bool:
        again = [it for it in _models(entries) if bytes(it.model) == encode_json(Mean(1_000.0, 12))]
        return any(to_text(it.made_at) > listed[0]["made_at"] for it in again)

    read(shop.servers.broker, JOURNAL, is_used)


def test_models_are_in_a_backup_and_are_made_anew_from_the_journal(
    shop: Shop, command: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    # What is made from here on is the same, so it may stand in the journal and not be applied yet.
    until(lambda: agree_on(shop, Mean(2_000, 36)), "the next training has come")
    shop.worker.terminate()
    shop.worker.wait(30)
    before = in_effect(shop)
    assert None not in before
    file = str(tmp_path / "backup.ebb")
    command("backup", file)
    with redis.Redis.from_url(shop.servers.redis_url) as client:
        client.flushall()
    command("restore", file)
    assert in_effect(shop) == before
    [audit] = command("rebuild", "--dry-run")
    assert audit["differences"] == 0
    with redis.Redis.from_url(shop.servers.redis_url) as client:
        client.flushall()
    command("rebuild")
    assert in_effect(shop) == before


def test_the_newest_models_of_an_agent_are_kept_and_no_more(shop: Shop) -> None:

    async def keep() -> tuple[list[MadeModel], list[MadeModel], dict[str, int]]:
        async with RedisModels(shop.settings.redis_url) as shelf:
            for day in range(KEPT_MAX + 5):
                made = MadeModel(f"2026-02-{day:02}.aaaaaa", day, "fit", 4, 99, Raw(b'{"a":1}'))
                await shelf.keep("other", made)
            await shelf.note_fitted("other", 7)
            return await shelf.versions("other"), await shelf.versions("none"), await shelf.fitted()

    kept, none, fitted = asyncio.run(keep())
    assert [it.made_at for it in kept] == list(range(5, KEPT_MAX + 5))
    assert kept[0] == MadeModel("2026-02-05.aaaaaa", 5, "fit", 4, 99, Raw(b'{"a":1}'))
    assert none == []
    assert fitted["other"] == 7


def test_a_history_that_is_fed_learns_what_it_learns_in_memory(tmp_path: Path) -> None:
    with open_school(tmp_path, clock="feed") as school:
        live = run_history(school, Progress(), FEWER_DAYS)
        expected = in_memory(school, FEWER_DAYS)
        with Reader(Brokers(school.servers.broker)) as reader:
            entries = list(reader.to_the_end([JOURNAL]))
    same(live, expected)
    assert expected.decisions["noted"] > 1_000
    # Of 60 days, every seventh; and each in all partitions.
    made = Counter((it.agent, it.made_at) for it in _models(entries))
    assert len({made_at for _, made_at in made}) in (8, 9)
    assert set(made.values()) == {PARTITIONS}

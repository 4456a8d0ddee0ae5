"""The visit under way: its products' rows are there at a look, by one more load and no more."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import pytest
from partition import AGREED, SETTINGS, Partition, cut, journal
from street import Street
from tables import HERE, Store, memory_store, open_client, redis_store

from agents.agent import Act, Agent, Await, Note, View
from agents.engine.engine import Engine
from agents.engine.visits import SHARED_VIEWS_MAX, VIEWS_MAX
from agents.product_recommendation import ProductRecommendation
from schemas.clickstream import PageViewed, ProductAdded, ProductViewed
from schemas.instant import MINUTE
from schemas.journal import Record
from schemas.profiles import ErasureRequested
from schemas.shop_events import StockChanged
from state.beside import Beside
from state.product import Product
from state.table import Loaded, Needs, Table
from streams.apply import apply
from streams.embedded import Embedded
from streams.simulated.story import moment

BEGIN = moment("2026-01-20")


class Follower(Agent, frozen=True):
    """Notes the products of the visit, and how many are known beside each."""

    listens: ClassVar = (ProductViewed, ProductAdded, PageViewed)
    reads_visits: ClassVar = True

    purpose: Any = "internal"

    def on_event(self, event: Any, customer: View) -> Iterable[Act]:
        """Note them."""
        found = (f"{name}{len(row.beside.near) if row.beside else 0}"
                 for name, row in customer.visit.items())  # fmt: skip
        yield Note(reason=" ".join(found) or "nothing")


def look(minute: int, product_id: str, who: str = "ann", kind: Any = ProductViewed) -> Any:
    return kind(event_id=f"{who}{minute}{product_id}", occurred_at=BEGIN + minute * MINUTE,
                customer_id=who, product_id=product_id)  # fmt: skip


def page(minute: int) -> PageViewed:
    at = BEGIN + minute * MINUTE
    return PageViewed(event_id=f"page{minute}", occurred_at=at, customer_id="ann")


def told(*facts: Any, sizes: Sequence[int] = (), agent: Agent | None = None) -> list[str]:
    shop = Partition(agent or Follower())
    return [it.reason for batch in cut(journal(facts), sizes) for it in shop.feed(batch)]


@pytest.mark.parametrize("sizes", [(), (1, 1, 1), (2,)])
def test_a_look_sees_the_products_of_its_visit_newest_first(sizes: Sequence[int]) -> None:
    looks = [look(0, "tea"), look(1, "jam"), look(2, "tea"), look(3, "pot")]
    assert told(*looks, sizes=sizes) == ["tea0", "jam1 tea1", "tea1 jam1", "pot2 tea2 jam2"]


@pytest.mark.parametrize("sizes", [(), (1, 1, 1), (2,)])
def test_another_visit_begins_with_nothing(sizes: Sequence[int]) -> None:
    looks = [look(0, "tea"), look(1, "jam"), look(60, "pot"), page(61), look(62, "mug")]
    assert told(*looks, sizes=sizes) == ["tea0", "jam1 tea1", "pot0", "nothing", "mug1 pot1"]


@pytest.mark.parametrize("sizes", [(), (1, 1, 1), (2,)])
def test_a_page_keeps_a_visit_under_way(sizes: Sequence[int]) -> None:
    looks = [look(0, "tea"), page(20), page(45), look(70, "jam")]
    assert told(*looks, sizes=sizes) == ["tea0", "nothing", "nothing", "jam1 tea1"]


def test_what_is_put_into_the_cart_counts_once_more_beside_the_others() -> None:
    looks = [look(0, "tea"), look(1, "jam"), look(2, "jam", kind=ProductAdded)]
    shop = Partition(Follower())
    shop.facts(*looks)
    rows = [shop.product(it) or Product() for it in ("tea", "jam")]
    tea, jam = [it.beside or Beside() for it in rows]
    assert (tea.near["jam"], jam.again) == (2 * 64, 0)


def test_a_look_that_is_told_twice_teaches_once() -> None:
    looks = [look(0, "tea"), look(1, "jam")]
    once, twice = Partition(Follower()), Partition(Follower())
    once.facts(*looks)
    twice.facts(*looks, looks[1])
    assert once.state()["products"] == twice.state()["products"]


@pytest.mark.parametrize("kind", [ProductViewed, ProductAdded])
def test_a_visit_of_a_crawler_teaches_no_more_after_so_many_views(kind: Any) -> None:
    shop = Partition(Follower())
    looks = [look(it // 60, f"made-up-{it}", "bot", kind) for it in range(VIEWS_MAX + 50)]
    shop.facts(look(0, "made-up-0", "bot"), *looks[1:])
    assert len(shop.state()["products"]) == VIEWS_MAX
    shop.facts(look(60, "tea", "bot"), look(61, "jam", "bot"), begin=10_000)
    assert shop.product("jam") is not None  # Another visit.


def test_of_a_visit_that_fills_its_cart_without_end_the_others_hear_only_how_it_began() -> None:
    street = Street()
    street.shops[0].facts(*[
        look(0, f"made-up-{it}", "bot", ProductAdded) for it in range(SHARED_VIEWS_MAX + 20)
    ])  # fmt: skip
    assert street.kept(0).noted == SHARED_VIEWS_MAX
    row = street.shops[0].row("bot")
    assert row is not None
    assert row.session.views == 0, "an add is no view"


def test_of_the_forgotten_no_visit_is_left_to_learn_from() -> None:
    erased = ErasureRequested(event_id="e", occurred_at=BEGIN + MINUTE, customer_id="ann")
    assert told(look(0, "tea"), erased, look(2, "jam")) == ["tea0", "jam0"]


class Blind(Follower, frozen=True):
    """The same, but it does not ask for visits."""

    reads_visits: ClassVar = False


def test_where_no_agent_asks_for_visits_nothing_is_loaded_and_nothing_learned() -> None:
    shop = Partition(Blind())
    for number in range(3):
        said = shop.facts(look(number, f"p{number}"), begin=number)
        assert [it.reason for it in said] == ["nothing"]
    assert shop.state()["products"] == {}


# How often is loaded, and what; in memory and in Redis.


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Embedded(tmp_path_factory.mktemp("visits")) as embedded:
        yield embedded.redis_url


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.live)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        with memory_store() as store:
            yield store
        return
    url = request.getfixturevalue("redis_url")
    with open_client(url) as client, redis_store(url) as store:
        client.flushall()
        yield store


class Watched:
    """A table that notes what it is asked for."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.asked: list[Needs] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    async def load(self, partition: int, needs: Needs) -> Loaded:
        self.asked.append(needs)
        return await self._table.load(partition, needs)


def feed(store: Store, watched: Watched, records: Sequence[Record]) -> list[str]:
    async def run() -> list[str]:
        engine = Engine([Follower()], AGREED, SETTINGS)
        position = await watched.position(HERE)
        offsets = range(position.offset, position.offset + len(records))
        said: list[str] = []
        async for applied in apply(engine, watched, HERE, position, offsets, records):
            said += [it.decision.reason for it in applied.batch.outgoing]
        return said

    return store.run(run())


def test_only_a_batch_that_goes_on_with_a_visit_is_loaded_for_twice(store: Store) -> None:
    watched = Watched(store.table)
    records = journal([look(0, "tea"), look(1, "jam"), look(2, "pot"), look(90, "mug")])

    said = [feed(store, watched, [it]) for it in records]

    assert said == [["tea0"], ["jam1 tea1"], ["pot2 jam2 tea2"], ["mug0"]]
    assert [it.products for it in watched.asked] == [
        ["tea"], ["jam"], ["tea"], ["pot"], ["jam", "tea"], ["mug"],
    ]  # fmt: skip


def test_those_who_wait_and_the_visits_of_a_batch_come_by_one_load(store: Store) -> None:
    watched = Watched(store.table)
    agents = [Follower(), ProductRecommendation(), _Waiter()]
    engine = Engine(agents, AGREED, SETTINGS)
    records = journal([
        look(0, "tea"), look(1, "jam"),
        StockChanged("tea", 5, event_id="s", occurred_at=BEGIN + 2 * MINUTE), look(3, "pot"),
    ])  # fmt: skip

    async def run() -> list[str]:
        said: list[str] = []
        for begin, part in ((0, records[:2]), (2, records[2:])):
            position = await watched.position(HERE)
            offsets = range(begin, begin + len(part))
            async for applied in apply(engine, watched, HERE, position, offsets, part):
                said += [it.decision.reason for it in applied.batch.outgoing]
        return said

    assert store.run(run()) == ["tea0", "jam1 tea1", "back", "pot2 jam2 tea2"]
    assert len(watched.asked) == 3
    assert watched.asked[2].waiters is not None
    assert watched.asked[2].products == ["jam"]


class _Waiter(Agent, frozen=True):
    """Waits for whatever is looked at, and says that it is back."""

    listens: ClassVar = (ProductViewed,)
    name: ClassVar = "waiter"

    purpose: Any = "internal"

    def on_event(self, event: ProductViewed, customer: View) -> Iterable[Act]:
        """Wait."""
        yield Await(event.product_id)

    def on_product(self, change: Any, customer: View) -> Iterable[Act]:
        """Say so."""
        yield Note(reason="back")

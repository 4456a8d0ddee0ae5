"""What looks elsewhere make of what is popular: whose ledger hears of them, and of how many."""

from typing import Any, ClassVar

import msgspec
import pytest
from partition import AGREED, SETTINGS, Partition
from street import AGENT, AT, Street

from agents.agent import Agent, Enter, View
from agents.engine.engine import Engine
from schemas.clickstream import ProductViewed
from schemas.instant import DAY
from schemas.journal import Look, LooksEntry, LooksOf
from schemas.orders import Item, OrderPlaced
from state.customer import RowError
from state.popular import ALL, Bought, Looked, Popular


class Seen(Popular, dict=True, gc=True):
    """What is popular, and how often anything was seen."""

    seen: int = 0

    def enter(self, entry: Looked | Bought) -> None:
        super().enter(entry)
        self.seen += 1


class CountsMore(Agent, frozen=True):
    """Keeps a ledger of its own that is a Popular, too."""

    listens: ClassVar = (ProductViewed,)
    keeps: ClassVar = Seen

    def on_event(self, event: ProductViewed, customer: View) -> Enter:
        return Enter(Looked(event.product_id, event.category, customer.at))


class BestSellers(Agent, frozen=True):
    """Counts what is bought, and no looks."""

    listens: ClassVar = (OrderPlaced,)
    keeps: ClassVar = Popular

    def on_event(self, event: OrderPlaced, customer: View) -> Enter:
        return Enter(
            Bought([(it.product_id, it.category) for it in event.products], customer.at, 1)
        )


def of(agent: Agent) -> Partition:
    shop = Partition()
    shop.engine = Engine([AGENT, agent], AGREED, SETTINGS, 2)
    return shop


def elsewhere(*products: str) -> LooksEntry:
    looks = [Look(number, AT // DAY, "", [it]) for number, it in enumerate(products)]
    return LooksEntry(-1, [LooksOf(1, looks)])


def ledger(shop: Partition, name: str, kind: type[Any]) -> Any:
    row = shop.state()["ledgers"].get(name)
    return kind() if row is None else msgspec.msgpack.decode(row, type=kind)


def test_a_ledger_of_another_kind_keeps_its_own_fields() -> None:
    shop = of(CountsMore())
    shop.facts(*[
        ProductViewed(event_id=f"e{it}", occurred_at=AT + it, anonymous_id="ann", product_id="tea")
        for it in range(5)
    ])  # fmt: skip
    shop.feed([elsewhere("mat")])
    kept = ledger(shop, "counts_more", Seen)
    assert (kept.seen, kept.best(ALL, 1)) == (5, [("tea", 5)])
    assert ledger(shop, AGENT.name, Popular).best(ALL, 1) == [("tea", 5), ("mat", 1)]


def test_who_counts_orders_alone_hears_of_no_looks() -> None:
    shop = of(BestSellers())
    order = OrderPlaced(
        event_id="o", occurred_at=AT, customer_id="ann", order_id="1", total_cents=100,
        currency="EUR", products=(Item("tea"),),
    )  # fmt: skip
    shop.facts(order)
    shop.feed([elsewhere("mat")])
    assert ledger(shop, "best_sellers", Popular).best(ALL, 1) == [("tea", 1)]


def fails_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def enter(self: Popular, entry: Looked | Bought) -> None:
        raise error

    monkeypatch.setattr(Popular, "enter", enter)


def test_a_ledger_that_cannot_take_a_look_stops_no_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fails_with(ValueError("never seen the like"), monkeypatch)
    street = Street()
    street.shops[1].feed([elsewhere("mat", "soap")])
    counted: dict[str, int] = street.shops[1].state()["counters"]
    assert counted["shared_looks/failed"] == counted["shared_looks/learned"] == 2


def test_a_damaged_row_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(RowError("not readable"), monkeypatch)
    with pytest.raises(RowError):
        Street().shops[1].feed([elsewhere("mat")])


@pytest.mark.parametrize("begin", [0, AT * 1_000])
@pytest.mark.parametrize("in_turn", [2, 5, 6])
def test_of_many_looks_a_sample_is_counted_whatever_the_order(begin: int, in_turn: int) -> None:
    street = Street()
    looks = [Look(begin + it, 1, "", [f"product-{it % in_turn}"]) for it in range(12_000)]
    for at in range(0, len(looks), 500):
        street.shops[1].feed([LooksEntry(-1, [LooksOf(0, looks[at : at + 500])])])
    counted = dict(street.popular(1))
    assert len(counted) == in_turn
    assert sum(counted.values()) == pytest.approx(12_000, rel=0.1)
    for weight in counted.values():
        assert weight == pytest.approx(12_000 / in_turn, rel=0.2)

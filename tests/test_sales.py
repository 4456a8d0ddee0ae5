"""Sales: every cent counts once, on its day, and each split adds up to the whole."""

import doctest
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition, journal
from shop_ledgers import ledger_of, ledgers_of, spread
from timeline import check

from agents import sales
from agents.agent import Agent, Learn, View
from agents.ops.takings import CLASSES_MAX, CURRENCIES_MAX, NONE, OTHER, Taken, Takings
from agents.sales import Sales
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Entry, Source, Tick
from schemas.orders import Item, OrderCancelled, OrderPlaced, OrderRefunded
from schemas.profiles import ProfileUpdated
from streams.ops import revenue
from streams.ops.revenue import Revenue, heaviest, labelled
from streams.simulated.story import moment

SALES = Sales()
BEGIN = moment("2026-01-20")
TODAY = BEGIN // DAY


class Classes(Agent, frozen=True):
    """Learns the class of whoever orders."""

    listens: ClassVar = (OrderPlaced,)
    learns: ClassVar[dict[str, Any]] = {"class": str}

    def on_event(self, event: OrderPlaced, customer: View) -> list[Any]:
        """By the name's first letter."""
        return [Learn("class", f"class {customer.id[0]}")]


def order(number: int, *items: Item, who: str = "ann", at: int = BEGIN, **more: Any) -> OrderPlaced:
    items = items or (Item(product_id="tea", price_cents=1_000, category="drinks"),)
    fields = {"currency": "EUR"} | more
    return OrderPlaced(
        event_id=f"order-{number}", customer_id=who, occurred_at=at, order_id=f"o{number}",
        products=items, **fields,
    )  # fmt: skip


def refund(number: int, cents: int | None = None, at: int = BEGIN + HOUR, **more: Any) -> Any:
    return OrderRefunded(
        event_id=f"refund-{number}-{cents}-{at}", customer_id="ann", occurred_at=at,
        order_id=f"o{number}", refund_cents=cents, **more,
    )  # fmt: skip


def cancel(number: int, at: int = BEGIN + HOUR) -> OrderCancelled:
    return OrderCancelled(
        event_id=f"cancel-{number}", customer_id="ann", occurred_at=at, order_id=f"o{number}"
    )


def sold(*history: Event | Tick, agents: tuple[Agent, ...] = (SALES,), day: int = TODAY) -> Revenue:
    partition = Partition(*agents)
    partition.feed(journal(history))
    return Revenue(ledgers_of([partition], SALES), day)


def test_a_timeline_of_orders_says_nothing_to_customers() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 products=tea:2x1000
        2026-01-20 09:00  ann  order_refunded order_id=o1 refund_cents=500
        2026-01-20 10:00  ann  order_cancelled order_id=o1
        2026-01-25 08:00  bob  order_placed occurred_at=2026-01-20
        """,
        SALES,
    )


def test_an_order_counts_with_all_that_is_paid_shared_out_over_its_categories() -> None:
    it = sold(
        order(
            1,
            Item(product_id="tea", quantity=2, price_cents=1_000, category="drinks"),
            Item(product_id="pot", price_cents=1_000, category="kitchen"),
            Item(product_id="bag"),
            total_cents=2_701,
        )
    )
    assert it.net(1) == {"EUR": 2_701}
    assert it.categories(1) == {"EUR": {"drinks": 1_801, "kitchen": 900}}
    assert it.classes(1) == {"EUR": {NONE: 2_701}}


def test_a_refund_comes_off_the_day_on_which_it_happens() -> None:
    it = sold(order(1), refund(1, 300, BEGIN + DAY), day=TODAY + 1)
    assert it.totals == {"EUR": {TODAY: 1_000, TODAY + 1: -300}}
    assert it.net(1) == {"EUR": -300}
    assert it.net(2) == {"EUR": 700}
    assert it.categories(7) == {"EUR": {"drinks": 1_000, NONE: -300}}


def test_a_refund_that_says_what_came_back_comes_off_its_category() -> None:
    back = (Item(product_id="tea", price_cents=300, category="drinks"),)
    assert sold(order(1), refund(1, 300, products=back)).categories(1) == {"EUR": {"drinks": 700}}


def test_what_went_back_already_does_not_go_back_again() -> None:
    half, rest = refund(1, 400), refund(1, None, BEGIN + 2 * HOUR)
    assert sold(order(1), cancel(1)).net(1) == {"EUR": 0}
    assert sold(order(1), half, cancel(1)).net(1) == {"EUR": 0}
    assert sold(order(1), cancel(1), half, rest).net(1) == {"EUR": 0}
    assert sold(order(1), refund(1, 5_000)).net(1) == {"EUR": 0}
    assert sold(order(1), order(2), half, half).net(1) == {"EUR": 1_600}


def test_a_refund_of_an_order_that_the_row_has_forgotten_is_what_it_says() -> None:
    assert sold(refund(9, 250), refund(9, None)).net(1) == {}
    orders = [order(it, at=BEGIN + it) for it in range(5)]
    assert sold(*orders, refund(0, 250), cancel(0)).net(1) == {"EUR": 4_750}


def test_a_day_is_the_shop_s_own() -> None:
    shanghai = Sales(time_zone="Asia/Shanghai")
    partition = Partition(shanghai)
    partition.feed(
        journal([order(1, at=BEGIN + 16 * HOUR - 1), order(2, who="bob", at=BEGIN + 16 * HOUR)])
    )
    assert ledger_of(partition, shanghai).totals == {"EUR": {TODAY: 1_000, TODAY + 1: 1_000}}
    berlin = Sales(time_zone="Europe/Berlin")
    days = [berlin.day_of(moment(it)) for it in ("2026-03-28 23:00", "2026-03-29 22:00")]
    assert days == [moment("2026-03-29") // DAY, moment("2026-03-30") // DAY]


def test_what_comes_late_counts_on_its_day_and_history_does_too() -> None:
    history: list[Event | Tick] = [
        Tick(BEGIN + 20 * DAY),
        order(1, who="bob", at=BEGIN + 20 * DAY),
        order(2, at=BEGIN),
    ]
    it = sold(*history, day=TODAY + 20)
    assert it.totals == {"EUR": {TODAY + 20: 1_000, TODAY: 1_000}}
    assert it.categories(28) == {"EUR": {"drinks": 2_000}}
    partition = Partition(SALES)
    partition.feed([Entry(order(1), Source("raw", 0, 0, BEGIN), imported_at=BEGIN + 99 * DAY)])
    assert ledger_of(partition, SALES).totals == {"EUR": {TODAY: 1_000}}


def test_a_class_is_what_an_agent_has_learned_or_else_what_the_shop_says() -> None:
    profile = ProfileUpdated(
        event_id="p", customer_id="bob", occurred_at=BEGIN, traits={"class": "vip"}
    )
    history = [profile, order(1), order(2, who="bob", at=BEGIN + 1)]
    assert sold(*history).classes(1) == {"EUR": {NONE: 1_000, "vip": 1_000}}
    # Agents are asked in the order of their names, and `classes` comes before `sales`.
    it = sold(*history, agents=(Classes(), SALES))
    assert it.classes(1) == {"EUR": {"class a": 1_000, "class b": 1_000}}


def test_two_currencies_are_never_added_and_a_fifth_is_left_out() -> None:
    currencies = ["EUR", "GBP", "JPY", "SEK", "USD"]
    history = [order(it, at=BEGIN + it, currency=one) for it, one in enumerate(currencies)]
    it = sold(*history)
    assert it.net(1) == dict.fromkeys(currencies[:CURRENCIES_MAX], 1_000)
    assert it.left_out == 1


def test_what_is_too_old_is_let_go_and_the_ledger_stays_small() -> None:
    partition = Partition(SALES)
    small = Sales(days_kept=30, split_days=28)
    partition = Partition(small)
    for day in range(90):
        many = [
            order(
                100 * day + it,
                Item(product_id="p", price_cents=100 + it, category=f"category {it}"),
                who=f"c{it}",
                at=BEGIN + day * DAY,
            )
            for it in range(40)
        ]
        partition.feed(journal(many, 40 * day))
    ledger = ledger_of(partition, small)
    assert set(ledger.totals["EUR"]) == {TODAY + it for it in range(60, 90)}
    assert len(ledger.packed) + len(ledger.at_hand) == 28
    assert len(partition.state()["ledgers"]["sales"]) < 28 * 32 * 30
    last = ledger.day(TODAY + 89)["EUR"]
    assert len(last.sold.cells) == 32
    partition.feed(journal([order(9_999, who="new", at=BEGIN)], 9_999))
    assert ledger_of(partition, small).left_out == 1


def test_of_too_many_classes_the_rest_is_one() -> None:
    ledger = Takings()
    for it in range(30):
        ledger.enter(Taken(TODAY, "EUR", 100, f"class {it}", {"tea": 100}, 400, 28, 32))
    classes = ledger.day(TODAY)["EUR"].classes
    assert len(classes) == CLASSES_MAX + 1
    assert classes[OTHER] == 100 * (30 - CLASSES_MAX)


ENTRIES = st.lists(
    st.tuples(
        st.integers(0, 60), st.sampled_from(("EUR", "GBP")), st.integers(-500, 900),
        st.sampled_from(("a", "b", "c")), st.integers(0, 14),
    ),
    max_size=150,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(ENTRIES)
def test_each_split_adds_up_to_the_whole_and_no_cut_of_the_log_shows(
    entries: list[tuple[int, str, int, str, int]],
) -> None:
    whole, cut = Takings(), Takings()
    for day, currency, cents, name, category in entries:
        taken = Taken(day, currency, cents, name, {f"k{category}": cents}, 400, 28, 8)
        whole.enter(taken)
        cut = msgspec.msgpack.decode(msgspec.msgpack.encode(cut), type=Takings)
        cut.enter(taken)
    assert msgspec.msgpack.encode(cut) == msgspec.msgpack.encode(whole)
    it = Revenue([whole], whole.newest)
    for days in (1, 7, 28):
        for currency, net in it.net(days).items():
            assert sum(it.classes(days).get(currency, {}).values()) == net
            assert sum(it.categories(days).get(currency, {}).values()) == net


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 3)), max_size=40))
def test_partitions_added_up_are_one_partition(orders: list[tuple[int, int, int]]) -> None:
    history: list[Event | Tick] = []
    for number, (who, day, category) in enumerate(orders):
        item = Item(product_id="p", price_cents=100 + number, category=f"k{category}")
        history.append(order(number, item, who=f"c{who}", at=BEGIN + day * DAY))
    today = max((day for _, day, _ in orders), default=0) + TODAY
    one, three = (Revenue(ledgers_of(spread(history, it, SALES), SALES), today) for it in (1, 3))
    assert (three.totals, three.classes(28), three.categories(28)) == (
        one.totals, one.classes(28), one.categories(28),
    )  # fmt: skip


def test_the_history_has_every_day_those_without_a_sale_too() -> None:
    it = sold(order(1), order(2, at=BEGIN + 3 * DAY), day=TODAY + 5)
    assert it.history("EUR") == [1_000, 0, 0, 1_000, 0]


def test_only_the_heaviest_have_a_metric_of_their_own() -> None:
    amounts = {1: {"EUR": {"tea": 5, "jam": 9, OTHER: 2, "back": -3}}}
    assert labelled(amounts, 2) == {
        ("EUR", "jam", "1"): 9, ("EUR", "tea", "1"): 5, ("EUR", OTHER, "1"): -1,
    }  # fmt: skip
    assert heaviest({}, 3) == {}


@pytest.mark.parametrize(
    ("wrong", "mistake"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone is 'Mars/Olympus'"),
        ({"split_days": 90, "days_kept": 60}, "split_days is 90, more than days_kept, which is 60"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    wrong: dict[str, Any], mistake: str
) -> None:
    with pytest.raises(ValueError, match=mistake):
        Sales(**wrong)


def test_the_examples_in_the_docstrings_are_so() -> None:
    for module in (sales, revenue):
        assert doctest.testmod(module).attempted
        assert doctest.testmod(module).failed == 0

"""The outlook: what a customer is worth and when they come next, told in silence, from the stream."""

import random

import msgspec
import pytest
from partition import Partition, cut, journal
from timeline import check

from agents.engine.intake import EngineSettings
from agents.lifetime.model import Shoppers, Spending, buyers, first_guess
from agents.outlook import Outlook, Seen
from schemas.clickstream import PageViewed
from schemas.codec import encode_json
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Entry, ModelEntry, Record, Tick
from schemas.orders import Item, OrderPlaced, OrderRefunded
from schemas.profiles import ErasureRequested
from state.census import Census, key_of
from streams.learning.fitting import entry_of
from streams.simulated.story import moment

BEGIN = moment("2026-01-01 08:00")
#: A shop in which a first order of 20.00 is usual, and larger ones come from eager customers.
SHOP = Shoppers(
    buyers(0.6, 1 / 100, 0.8, 1 / 200, 0.9), Spending(6.0, 4.0, 1_000.0), 7.6, 0.7, 0.25,
    (2_000.0, 9_000.0), 400, BEGIN, (), 0.0,
)  # fmt: skip


def ordered(number: int, who: str, at: int, cents: int = 2_000) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"e{number}", customer_id=who, occurred_at=at, order_id=f"o{number}",
        currency="EUR", products=(Item(product_id="tea", price_cents=cents),),
    )  # fmt: skip


def refunded(number: int, who: str, at: int, order: int) -> OrderRefunded:
    return OrderRefunded(
        event_id=f"e{number}", customer_id=who, occurred_at=at, order_id=f"o{order}"
    )


def model(shop: Shoppers = SHOP, at: int = BEGIN) -> ModelEntry:
    return entry_of("outlook", encode_json(shop), at)


def seen(partition: Partition, who: str = "ann") -> Seen:
    row = partition.row(who)
    assert row is not None
    return msgspec.msgpack.decode(row.memory["outlook"], type=Seen)


def trait(partition: Partition, name: str, who: str = "ann") -> str:
    row = partition.row(who)
    return row.portrait[name].value if row and name in row.portrait else ""


def fed(*facts: Event | Tick, shop: Shoppers | None = SHOP) -> Partition:
    partition = Partition(Outlook())
    if shop is not None:
        partition.feed([model(shop)])
    partition.facts(*facts)
    return partition


def weekly(count: int, cents: int = 2_000) -> list[Event | Tick]:
    return [ordered(it, "ann", BEGIN + it * 7 * DAY, cents) for it in range(count)]


def test_a_timeline_of_orders_and_silence_passes_without_a_word() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed
        2026-01-09 08:00  ann  order_placed
        2026-01-09 09:00  bob  order_placed
        2026-01-12 08:00  ann  order_refunded order_id=order-2
        2026-01-13 08:00  eve  page_viewed
        2026-01-13 08:00  eve  order_refunded order_id=gone
        2026-12-31 08:00  ann  (looked at again and again in silence)
        """,
        Outlook(),
    )


def test_whoever_has_just_ordered_is_a_customer_and_comes_again() -> None:
    it = seen(fed(*weekly(5)))
    assert (it.repeats, it.alive, it.horizon_days) == (4, 1_000, 365)
    assert it.orders > 500
    early, middle, late = it.next_days
    assert 0 <= early < 7 <= middle < late <= 365


def test_a_long_silence_takes_chance_orders_and_spend_away() -> None:
    partition = fed(*weekly(5))
    before = seen(partition)
    partition.facts(Tick(BEGIN + 120 * DAY), begin=100)
    after = seen(partition)
    assert after.seen_hour > before.seen_hour
    assert after.alive < before.alive
    assert after.orders < before.orders
    assert after.spend_cents < before.spend_cents
    assert after.next_days[1] > before.next_days[1]


def test_silence_is_looked_at_less_and_less_often() -> None:
    partition = fed(ordered(0, "ann", BEGIN))
    looks = []
    for day in range(1, 400):
        partition.facts(Tick(BEGIN + day * DAY), begin=100 + day)
        looks.append(seen(partition).seen_hour)
    days = [(it - BEGIN // HOUR) // 24 for it in dict.fromkeys(looks)]
    assert days[:3] == [0, 28, 56]
    assert len(days) < 14


def test_orders_within_twenty_hours_are_one_purchase() -> None:
    facts = [ordered(0, "ann", BEGIN), ordered(1, "ann", BEGIN + 2 * HOUR)]
    assert seen(fed(*facts)).repeats == 0
    assert seen(fed(*facts, ordered(2, "ann", BEGIN + 23 * HOUR))).repeats == 1


def test_an_order_that_arrives_late_does_not_move_the_last_one_back() -> None:
    late = ordered(9, "ann", BEGIN + 10 * DAY)
    it = seen(fed(*weekly(5), late))
    assert it.repeats == 5
    assert it.last_s == (BEGIN + 28 * DAY) // 1_000


def test_whoever_begins_with_a_larger_order_is_expected_more_often() -> None:
    small, large = seen(fed(*weekly(2, 1_000))), seen(fed(*weekly(2, 9_000)))
    assert large.orders > small.orders


def test_what_goes_back_is_not_spent() -> None:
    before = seen(fed(*weekly(3)))
    after = seen(fed(*weekly(3), refunded(9, "ann", BEGIN + 15 * DAY, 2)))
    assert after.orders == pytest.approx(before.orders, rel=0.1)
    assert after.spend_cents < 0.85 * before.spend_cents


def test_the_first_guess_stands_in_until_there_is_a_model_and_says_so() -> None:
    partition = fed(*weekly(3), shop=None)
    assert seen(partition).model == ""
    assert seen(partition).orders > 0
    assert trait(partition, "value") == ""
    entry = model()
    partition.feed([entry])
    partition.facts(ordered(8, "ann", BEGIN + 30 * DAY), begin=100)
    assert seen(partition).model == entry.version
    assert trait(partition, "value") == "high"


def test_the_traits_say_what_the_memory_says() -> None:
    partition = fed(*weekly(4), ordered(9, "bob", BEGIN, 300))
    assert trait(partition, "expected_spend_cents") == str(seen(partition).spend_cents)
    assert trait(partition, "value") == "high"
    assert trait(partition, "value", "bob") == "low"


def test_an_erasure_takes_the_customer_out_of_the_sample() -> None:
    erased = ErasureRequested(event_id="x", customer_id="ann", occurred_at=BEGIN + 40 * DAY)
    facts = [*weekly(3), ordered(9, "bob", BEGIN + 20 * DAY)]
    before, after = fed(*facts), fed(*facts, erased)
    assert {it.key for it in census(before)} == {key_of("ann"), key_of("bob")}
    assert [it.key for it in census(after)] == [key_of("bob")]


def test_the_end_of_a_row_after_silence_takes_the_customer_out_of_the_sample() -> None:
    facts = [*weekly(3), ordered(9, "bob", BEGIN + 20 * DAY), Tick(BEGIN + 20 * DAY)]
    last = [Tick(BEGIN + 75 * DAY), Tick(BEGIN + 79 * DAY)]
    for sizes in ([6], [1] * 6, [4, 2]):
        partition = Partition(Outlook(), settings=EngineSettings(retention_days=60))
        for batch in cut(journal([*facts, *last][:-1]), sizes):
            partition.feed(batch)
        assert partition.row("ann") is None
        assert [it.key for it in census(partition)] == [key_of("bob")]
        partition.facts(last[-1], begin=100)
        # Whoever comes back is new, and let in like others.
        partition.facts(ordered(50, "ann", BEGIN + 79 * DAY), begin=200)
        assert {it.key for it in census(partition)} == {key_of("ann"), key_of("bob")}


def test_a_row_that_never_had_an_order_ends_without_a_word_in_the_sample() -> None:
    partition = Partition(Outlook(), settings=EngineSettings(retention_days=60))
    viewed = PageViewed(event_id="v", customer_id="eve", occurred_at=BEGIN)
    partition.facts(viewed, Tick(BEGIN), Tick(BEGIN + 61 * DAY))
    assert partition.row("eve") is None
    assert "outlook" not in partition.state()["ledgers"]


def test_a_customer_who_had_ordered_before_the_agent_was_on_is_taken_as_they_are() -> None:
    partition = Partition()
    partition.facts(*weekly(4))
    later = Partition(Outlook())
    later.table = partition.table
    later.facts(ordered(9, "ann", BEGIN + 60 * DAY), begin=100)
    assert seen(later).repeats == 4
    (ann,) = census(later)
    assert (ann.repeats, ann.joined, ann.first_hour) == (4, 4, BEGIN // HOUR)


def test_a_memory_is_small_and_so_is_a_model() -> None:
    row = fed(*weekly(30, 90_000)).row("ann")
    assert row is not None
    assert len(bytes(row.memory["outlook"])) < 60
    assert len(encode_json(SHOP)) < 2_000


def test_how_a_log_is_cut_into_batches_makes_no_difference() -> None:
    chance = random.Random(5)
    facts: list[Event | Tick] = []
    for number in range(120):
        at = BEGIN + number * 2 * DAY
        facts.append(ordered(number, f"c{chance.randrange(30)}", at, chance.randrange(100, 9_000)))
        if number % 9 == 4:
            facts.append(refunded(1_000 + number, f"c{chance.randrange(30)}", at, number))
        facts.append(Tick(at + HOUR))
    records: list[Record] = [*journal(facts[:100]), model(), *journal(facts[100:], 100)]
    states = []
    for sizes in ([len(records)], [1] * len(records), [7] * 40):
        partition = Partition(Outlook(sample_max=100))
        for batch in cut(records, sizes):
            partition.feed(batch)
        states.append(partition.state())
    assert states[0]["ledgers"] == states[1]["ledgers"] == states[2]["ledgers"]
    assert states[0]["customers"] == states[1]["customers"] == states[2]["customers"]
    assert any(isinstance(it, Entry) for it in records)


def test_those_who_were_imported_together_are_not_looked_at_together_ever_after() -> None:
    partition = fed(*(ordered(it, f"c{it}", BEGIN) for it in range(60)), shop=None)
    due = [partition.row(f"c{it}").timers["outlook"] for it in range(60)]  # type: ignore[union-attr]
    assert len({it // HOUR for it in due}) > 30
    assert BEGIN + 3 * DAY < min(due) < max(due) <= BEGIN + 8 * DAY


def census(partition: Partition) -> Census:
    return msgspec.msgpack.decode(partition.state()["ledgers"]["outlook"], type=Census)


def test_a_first_guess_is_worked_out_anew_within_a_week_by_the_model_if_there_is_one() -> None:
    partition = fed(*weekly(3), Tick(BEGIN + 14 * DAY + HOUR), shop=None)
    partition.feed([model(at=BEGIN + 15 * DAY)])
    partition.facts(Tick(BEGIN + 20 * DAY))
    assert (seen(partition).model, trait(partition, "value")) == ("", "")
    partition.facts(Tick(BEGIN + 21 * DAY + HOUR))
    assert seen(partition).model == model(at=BEGIN + 15 * DAY).version
    assert trait(partition, "value") != ""
    # By a model it may be as old as before.
    due = partition.row("ann").timers["outlook"]  # type: ignore[union-attr]
    assert due == BEGIN + 21 * DAY + HOUR + 28 * DAY


def test_the_first_guess_goes_by_the_usual_gap() -> None:
    often, seldom = first_guess(7), first_guess(70)
    assert often.future(0, 0, 0, 500).orders(365) > 4 * seldom.future(0, 0, 0, 500).orders(365)


def test_a_purchase_is_worth_what_the_customer_pays_the_more_they_have_bought() -> None:
    spending = Spending(6.0, 4.0, 1_000.0)
    usual = spending.a_purchase(0.0, 0)
    worth = [spending.a_purchase(9_000.0, it) for it in (1, 5, 500)]
    assert usual == pytest.approx(2_000)
    assert usual < worth[0] < worth[1] < worth[2] < 9_000


def test_values_are_told_by_the_shop() -> None:
    assert [SHOP.value(it) for it in (1_999, 2_000, 9_000)] == ["low", "medium", "high"]
    assert first_guess(30).value(500) == ""

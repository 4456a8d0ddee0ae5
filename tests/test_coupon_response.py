"""Who redeems coupons: learned from each message that carried some, whoever sent it, once it is over."""

from collections.abc import Iterable
from datetime import date, timedelta
from math import exp
from random import Random

import msgspec
import pytest
from coupons import ALERT, COUPON, code_in
from hypothesis import given
from hypothesis import strategies as some
from partition import AGREED, Partition
from timeline import check

from agents.coupon_response import CouponResponse
from agents.coupons.redeeming import (
    KNOWN,
    OPEN_MAX,
    SAMPLE_MAX,
    TEMPLATES_MAX,
    Chances,
    Habit,
    Mailing,
    Response,
    Responses,
)  # fmt: skip
from agents.coupons.redeeming_fit import fitted
from schemas.codec import encode_row
from schemas.instant import DAY, HOUR
from schemas.journal import ModelEntry, Tick
from schemas.orders import Item, OrderPlaced
from schemas.profiles import MessageSent
from state.customer import Customer
from streams.simulated.story import facts, parse

AGENT = CouponResponse(valid_days=28, redeemed_min=1)


def run(table: str, *, agent: CouponResponse = AGENT) -> Partition:
    partition = Partition(ALERT, COUPON, agent)
    partition.facts(*(fact for _, fact in facts(parse(table))))
    return partition


def learned(partition: Partition) -> Responses:
    row = partition.state()["ledgers"].get("coupon_response")
    return Responses() if row is None else msgspec.msgpack.decode(row, type=Responses)


def habit_of(partition: Partition, who: str) -> Habit:
    row = partition.row(who)
    assert row is not None
    return msgspec.msgpack.decode(row.memory["coupon_response"], type=Habit)


def counts(partition: Partition) -> tuple[int, int]:
    return learned(partition).redeemed_count, learned(partition).others_count


# What is an example -------------------------------------------------------------------------------


def test_nothing_is_said_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  message_sent coupons=SPRING-* template=flyer
        2026-01-25 08:00  ann  order_placed coupons=spring-77
        2026-02-24 08:00  ann
        """,
        AGENT,
    )


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("2026-01-25 08:00  ann  order_placed coupons=SPRING-77", (1, 0)),
        ("2026-01-25 08:00  ann  order_placed coupons=other", (0, 1)),
        ("2026-01-25 08:00  ann  order_placed", (0, 1)),
        ("2026-01-25 08:00  bob  order_placed coupons=SPRING-77", (0, 1)),
        ("2026-02-17 09:00  ann  order_placed coupons=SPRING-77", (0, 1)),
    ],
)
def test_a_message_is_redeemed_by_its_customer_with_its_code_in_its_time(
    order: str, expected: tuple[int, int]
) -> None:
    message = "2026-01-20 08:00  ann  message_sent coupons=SPRING-* template=flyer"
    partition = run(f"{message}\n{order}\n2026-03-20 08:00  ann")
    assert counts(partition) == expected
    assert learned(partition).templates == ["flyer"]


def test_nothing_is_learned_of_a_message_before_it_is_over() -> None:
    table = """
    2026-01-20 08:00  ann  message_sent coupons=A1
    2026-01-25 08:00  ann  order_placed coupons=A1
    2026-02-17 07:00  ann
    """
    assert counts(run(table)) == (0, 0)
    assert counts(run(table + "2026-02-17 08:00  ann")) == (1, 0)


def test_a_message_without_coupons_is_none() -> None:
    partition = run("2026-01-20 08:00  ann  message_sent\n2026-03-20 08:00  ann")
    assert counts(partition) == (0, 0)


def test_our_own_coupon_is_a_message_and_its_reminder_is_the_same_one() -> None:
    table = """
    2026-01-20 08:00  ann  order_placed total_cents=8000
    2026-03-24 08:00  ann
    """
    partition = Partition(ALERT, COUPON, AGENT)
    said = partition.facts(*(fact for _, fact in facts(parse(table))))
    assert [it.kind for it in said] == ["churn_alert", "win_back_coupon", "coupon_expiring"]
    habit = habit_of(partition, "ann")
    assert (habit.mailed, len(habit.open), habit.open[0].template) == (1, 1, "win_back_coupon")
    assert habit.open[0].codes == (code_in(said),)


def test_of_more_messages_than_are_waited_for_the_newest_teach_nothing() -> None:
    sent = "\n".join(
        f"2026-01-{20 + it} 08:00  ann  message_sent coupons=C{it}" for it in range(OPEN_MAX + 2)
    )
    partition = run(sent)
    assert [it.codes for it in habit_of(partition, "ann").open] == [
        (f"C{it}",) for it in range(OPEN_MAX)
    ]
    assert habit_of(partition, "ann").mailed == OPEN_MAX
    assert len(encode_row(habit_of(partition, "ann"))) < 300
    partition.facts(*(Tick(it) for it in range(AT + 40 * DAY, AT + 80 * DAY, DAY)), begin=99)
    assert counts(partition) == (0, OPEN_MAX)
    assert habit_of(partition, "ann").open == ()


@pytest.mark.parametrize("redeems", [True, False])
def test_where_a_message_goes_out_every_three_days_some_are_learned_from(redeems: bool) -> None:
    table = ""
    for number in range(120):
        day = date(2026, 1, 2) + timedelta(days=3 * number)
        table += f"{day} 08:00  ann  message_sent coupons=C{number}\n"
        if redeems:
            table += f"{day} 09:00  ann  order_placed coupons=C{number}\n"
    redeemed, others = counts(run(table))
    assert (redeemed, others) == ((44, 0) if redeems else (0, 44))


AT = 1_768_896_000_000  # 2026-01-20 08:00 UTC


@given(some.lists(some.tuples(some.integers(0, 400), some.booleans()), max_size=30))
def test_orders_that_fade_are_told_whatever_order_they_come_in(
    days: list[tuple[int, bool]],
) -> None:
    habit = Habit()
    for day, with_code in days:
        habit = habit.ordered(AT + day * DAY, ["x"] if with_code else [])
    latest = max((day for day, _ in days), default=0)
    exact = sum(0.5 ** ((latest - day) / 60) for day, _ in days)
    assert habit.orders / 100 == pytest.approx(exact, abs=0.01 * len(days) + 0.01)
    assert 0 <= habit.with_coupon <= habit.orders + len(days)
    assert len(habit.known(Customer(), AT + 500 * DAY)) == len(KNOWN)


# What is learned ----------------------------------------------------------------------------------


def rate_of(fond: bool, flyer: bool) -> float:
    return 1 / (1 + exp(3.5 - 2.5 * fond - flyer))


def ledger_of(count: int, seed: int = 1) -> Responses:
    """Messages of which those to the fond are redeemed, and flyers more than letters."""
    chance, ledger = Random(seed), Responses()
    for _ in range(count):
        fond, flyer = chance.random() < 0.3, chance.random() < 0.5
        rate = rate_of(fond, flyer)
        known = bytes((chance.randrange(200), 100 * fond, 0, 0, 0, 0, chance.randrange(200), 0))
        template = "flyer" if flyer else "letter"
        ledger.enter(Response(template, known, chance.random() < rate))
    return ledger


def known(fond: bool) -> bytes:
    return bytes((100, 100 * fond, 0, 0, 0, 0, 100, 0))


def test_the_chance_is_about_what_it_is() -> None:
    model = fitted([ledger_of(4_000, 1), ledger_of(4_000, 2)], 30)
    assert model is not None
    assert model.messages == 8_000
    for fond in (False, True):
        for template in ("flyer", "letter"):
            chance = model.chance(known(fond), template)
            assert chance == pytest.approx(rate_of(fond, template == "flyer"), abs=0.05)
    assert model.chance(known(True)) == model.chance(known(True), "never heard of")


def test_too_few_teach_nothing() -> None:
    assert fitted([ledger_of(40)], 30) is None
    assert fitted([], 1) is None


def test_the_ledger_is_bounded_and_its_sample_is_of_all() -> None:
    ledger = ledger_of(20_000)
    for nth in range(100):
        ledger.enter(Response(f"t{nth}", known(False), redeemed=False))
    width = len(KNOWN) + 1
    assert len(ledger.redeemed) == len(ledger.others) == SAMPLE_MAX * width
    assert len(ledger.templates) == TEMPLATES_MAX
    assert len(encode_row(ledger)) < 11_000
    # A sample of the first ones alone would have no others than flyers and letters.
    assert ledger.redeemed_count + ledger.others_count == 20_100
    fond = sum(ledger.redeemed[it + 2] > 0 for it in range(0, len(ledger.redeemed), width))
    rates = [sum(rate_of(it, flyer) for flyer in (False, True)) for it in (True, False)]
    share = 0.3 * rates[0] / (0.3 * rates[0] + 0.7 * rates[1])
    assert fond / SAMPLE_MAX == pytest.approx(share, abs=0.08)


def with_model(model: Chances, facts_: Iterable[object]) -> Partition:
    partition = Partition(AGENT, gate=AGREED)
    body = msgspec.Raw(msgspec.json.encode(model))
    partition.feed([ModelEntry("coupon_response", "2026-01-20.abcdef", AT - DAY, body)])
    partition.facts(*facts_)  # type: ignore[arg-type]
    return partition


@pytest.mark.parametrize(("slope", "level"), [(3.0, "high"), (0.0, "medium"), (-3.0, "low")])
def test_the_trait_says_how_the_chance_is_beside_that_of_all(slope: float, level: str) -> None:
    slopes = [0.0, slope] + [0.0] * (len(KNOWN) - 2)
    model = Chances([0.0] * len(KNOWN), [48.0] * len(KNOWN), slopes, -2.2, {}, 0.1, 1_000)
    order = OrderPlaced(
        event_id="o", occurred_at=AT, customer_id="ann", order_id="o", currency="EUR",
        products=(Item("tea"),), coupons=("till",),
    )  # fmt: skip
    message = MessageSent(
        event_id="m", occurred_at=AT + HOUR, customer_id="ann", message_id="m", channel="email",
        coupons=("A1",),
    )  # fmt: skip
    partition = with_model(model, [order, message])
    row = partition.row("ann")
    assert row is not None
    assert row.portrait["redeems_coupons"].value == level
    (mailing,) = habit_of(partition, "ann").open
    assert mailing.chance == round(10_000 * model.chance(mailing.known, ""))


def test_codes_are_told_apart_however_they_are_typed() -> None:
    mailing = Mailing(0, 1, ("SPRING-*", "EBB-LZ2C"), "", b"")
    assert mailing.is_redeemed_by(["ebb lz2c"])
    assert mailing.is_redeemed_by(["nothing", "Spring99"])
    assert not mailing.is_redeemed_by(["EBB-LZ2C-9", "SPRIN-1", ""])

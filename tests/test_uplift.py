"""Uplift: a coupon goes to those whose mind it changes, learned from both arms, each customer once."""

import asyncio
from collections import Counter
from random import Random

import msgspec
import pytest
from coupons import ALERT, COUPON, code_in
from partition import AGREED, SETTINGS, Partition
from timeline import check
from uplift_shop import BEGIN, WARES, agent, history, replay, shoppers

from agents.engine import Engine
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.uplift import ADDED_MAX, KNOWN, Arms, Estimate, Outcome, Uplift, names_of
from agents.uplift_fit import fitted
from agents.win_back_coupon import WinBackCoupon
from agents.worthwhile import explores, judged
from schemas.codec import encode_row
from schemas.decisions import Decision
from schemas.instant import DAY
from schemas.journal import Tick
from state.ledger import Ledger
from state.model import Fitted
from state.moments import EXAMPLES_MAX, Moments
from streams.learning.fitting import entry_of
from streams.replay import Replay
from streams.simulated.story import facts, moment, parse

NAMES = ("sure", "undecided", "noise")


def arms(count: int, effect: float, seed: int = 1) -> Arms:
    """A ledger of customers of whom the sure come anyway, and the undecided if they are sent one."""
    chance, ledger = Random(seed), Arms()
    for _ in range(count):
        sure, undecided = chance.random() < 0.5, chance.random() < 0.3
        held_out = chance.random() < 0.3
        rate = 0.05 + 0.5 * sure + effect * (undecided and not sure and not held_out)
        known = bytes((100 * sure, 100 * undecided, chance.randrange(256)))
        came = chance.random() < rate
        ledger.enter(Outcome(NAMES, known, held_out, came, came and not held_out))
    return ledger


def effect_on(model: Uplift, sure: int, undecided: int, noise: int = 128) -> Estimate:
    return model.estimate(bytes((100 * sure, 100 * undecided, noise)))


# What is learned ----------------------------------------------------------------------------------


def test_those_whose_mind_it_changes_are_ranked_above_those_who_come_anyway() -> None:
    model = fitted([arms(6_000, 0.3)], 100)
    assert model is not None
    undecided, sure = effect_on(model, 0, 1), effect_on(model, 1, 0)
    assert undecided.effect > 0.15
    assert sure.effect < 0.08
    # Who answers most is the other way round.
    assert sure.sent > undecided.sent
    assert undecided.reasons[0][0] == "undecided"
    low, high = undecided.interval
    assert low < undecided.effect < high


def test_what_changes_nothing_is_idle_and_said_to_be() -> None:
    model = fitted([arms(6_000, 0.3)], 100)
    assert model is not None
    effects = [effect_on(model, 0, 1, noise).effect for noise in (0, 255)]
    assert abs(effects[0] - effects[1]) < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_where_there_is_no_effect_none_is_invented(seed: int) -> None:
    model = fitted([arms(6_000, 0.0, seed)], 100)
    assert model is not None
    everybody = [effect_on(model, s, u, n) for s in (0, 1) for u in (0, 1) for n in (0, 128, 255)]
    effects = [it.effect for it in everybody]
    assert max(effects) - min(effects) < 0.06
    assert all(abs(it.effect) < 4 * it.error for it in everybody)


def test_partitions_teach_what_they_would_as_one() -> None:
    parts = [arms(2_000, 0.3, seed) for seed in (1, 2, 3)]
    ledger = Arms(NAMES)
    for it in parts:
        ledger.sent, ledger.held_out = ledger.sent.plus(it.sent), ledger.held_out.plus(it.held_out)
        ledger.answered, ledger.redeemed = (
            ledger.answered + it.answered, ledger.redeemed + it.redeemed
        )  # fmt: skip
    assert fitted(parts, 100) == fitted([ledger], 100) == fitted([*reversed(parts), Arms()], 100)


def test_too_few_in_an_arm_teach_nothing() -> None:
    assert fitted([arms(300, 0.3)], 100) is None
    assert fitted([], 1) is None
    assert fitted([Arms()], 1) is None


def test_a_partition_that_tells_of_other_things_is_left_out() -> None:
    other = Arms()
    other.enter(Outcome(("else",), b"\x05", held_out=False, answered=True, redeemed=True))
    assert fitted([arms(2_000, 0.3), other], 100) == fitted([arms(2_000, 0.3)], 100)


def test_who_all_do_the_same_break_nothing() -> None:
    ledger = Arms()
    for nth in range(400):
        known = bytes((7, 7, 7))
        ledger.enter(Outcome(NAMES, known, nth % 2 == 0, answered=False, redeemed=False))
    model = fitted([ledger], 100)
    assert model is not None
    assert abs(model.estimate(bytes((0, 255, 9))).effect) < 0.01
    msgspec.json.decode(msgspec.json.encode(model), type=Uplift)


# The ledger ---------------------------------------------------------------------------------------


def test_a_ledger_stays_small_however_many_there_were() -> None:
    names = names_of(
        [f"c{it}" for it in range(ADDED_MAX)], [("t", str(it)) for it in range(ADDED_MAX)]
    )
    assert len(names) == len(KNOWN) + 2 * ADDED_MAX
    moments, most = Moments(), bytes([255] * len(names))
    moments.add(most, came=True)
    moments.products = [it * (EXAMPLES_MAX - 2) for it in moments.products]
    moments.came = [it * (EXAMPLES_MAX - 2) for it in moments.came]
    moments.add(most, came=True)
    assert moments.count == EXAMPLES_MAX - 1
    ledger: Ledger = Arms(names, moments, moments)
    assert len(encode_row(ledger)) < 6_000
    moments.add(most, came=True)
    assert moments.count == EXAMPLES_MAX // 2


def test_other_names_begin_a_ledger_anew() -> None:
    ledger = arms(50, 0.3)
    ledger.enter(Outcome(("else",), b"\x05", held_out=False, answered=True, redeemed=False))
    assert (ledger.sent.count, ledger.held_out.count) == (1, 0)


# The offer ----------------------------------------------------------------------------------------


def model_of(effect: float, names: tuple[str, ...] = KNOWN) -> Uplift:
    """A model that expects the same of everybody."""
    nought = [0.0] * len(names)
    width = len(names) + 1
    return Uplift(
        names, nought, [1.0] * len(names), [0.2, *nought], [effect, *nought],
        [1e-8] + [0.0] * (width * (width + 1) // 2 - 1), 0.5, 500, 500,
    )  # fmt: skip


def test_it_is_worth_what_those_bring_who_would_not_have_come() -> None:
    # Of 100: 3 more orders at 30 % of 100.00, and 21.5 orders of which half redeem 10.00.
    gain = judged(Fitted("v", 0, model_of(0.03)), bytes(9), 3_000.0, 1_000, 0.0)
    assert gain.gain_cents == pytest.approx(0.03 * 3_000 - 0.215 * 0.5 * 1_000)
    assert not gain.is_worth_it
    assert judged(Fitted("v", 0, model_of(0.08)), bytes(9), 3_000.0, 1_000, 0.0).is_worth_it
    # Without a worth of an answer the effect alone decides.
    assert judged(Fitted("v", 0, model_of(0.04)), bytes(9), None, 1_000, 0.0).is_worth_it
    assert not judged(Fitted("v", 0, model_of(-0.04)), bytes(9), None, 1_000, 0.0).is_worth_it


def test_the_lot_that_explores_is_the_same_each_time_and_as_large_as_it_should_be() -> None:
    drawn = [explores("k", f"c{it}", 0.1) for it in range(5_000)]
    assert drawn == [explores("k", f"c{it}", 0.1) for it in range(5_000)]
    assert 430 < sum(drawn) < 570
    assert not any(explores("k", f"c{it}", 0.0) for it in range(100))
    assert all(explores("k", f"c{it}", 1.0) for it in range(100))


QUIET = """
    2026-01-20 08:00  ann  order_placed total_cents=8000
    2026-02-19 08:00  ann
"""


def decided_by(effect: float, **settings: float) -> list[Decision]:
    """What is decided in a history in which the coupon is due, by a model from the alert on."""
    coupon = msgspec.structs.replace(COUPON, **settings)
    run = Replay(Engine([ALERT, coupon], AGREED, SETTINGS), 1, learns=False)
    asyncio.run(run.run(fact for _, fact in facts(parse(QUIET))))
    run.take(entry_of(coupon, msgspec.json.encode(model_of(effect)), moment("2026-02-20 08:00")))
    asyncio.run(run.run(Tick(moment("2026-02-20 08:00") + it * DAY) for it in range(90)))
    return [it for it in run.decisions[0] if it.kind == "win_back_coupon"]


def test_an_offer_that_changes_enough_says_so_and_by_which_model() -> None:
    offered, ended = decided_by(0.2)
    assert (offered.outcome, ended.reason) == ("sent", "expired_unused")
    values, thresholds = offered.evidence.values, offered.evidence.thresholds
    assert str(values["model"]).startswith("2026-02-20.")
    assert (values["effect"], values["chance"], thresholds["doubt"]) == (0.2, 0.3, 1.0)
    assert values["effect_low"] == pytest.approx(0.1998)
    # 30 % of 80.00 from a fifth, less 12.00 from half of three in ten.
    assert values["gain_cents"] == round(0.2 * 2_400 - 0.3 * 0.5 * 1_200)
    assert "explored" not in values


def test_an_offer_that_changes_too_little_is_not_made_and_that_is_on_record() -> None:
    (said,) = decided_by(0.01, explore_share=0.0)
    assert (said.outcome, said.reason) == ("noted", "no_effect_expected")
    assert said.evidence.values["gain_cents"] == round(0.01 * 2_400 - 0.205 * 0.5 * 1_200)


def test_some_are_offered_all_the_same_so_that_learning_goes_on() -> None:
    offered, _ = decided_by(0.01, explore_share=1.0)
    assert (offered.outcome, offered.evidence.values["explored"]) == ("sent", True)


def test_a_model_that_knows_customers_by_other_things_is_not_asked() -> None:
    (said, *_) = decided_by(0.01, explore_share=0.0, interests=("tea",))  # type: ignore[arg-type]
    assert (said.outcome, "model" in said.evidence.values) == ("sent", False)


# What is remembered until it is known -------------------------------------------------------------


def examples(table: str, coupon: WinBackCoupon, gate: Gate) -> tuple[int, int, int]:
    """How many examples a history leaves: sent, held out, and answered by those sent."""
    partition = Partition(ALERT, coupon, gate=gate)
    partition.facts(*(fact for _, fact in facts(parse(table))))
    row = partition.state()["ledgers"].get("win_back_coupon")
    ledger = Arms() if row is None else msgspec.msgpack.decode(row, type=Arms)
    return ledger.sent.count, ledger.held_out.count, ledger.answered


HALF = Holdout(share=0.5, over_all=0.0)
ONCE = """
    2026-01-20 08:00  {who}  order_placed total_cents=8000
    2026-03-05 08:00  {who}  order_placed total_cents=8000
    2026-03-26 10:00  {who}
"""


@pytest.mark.parametrize("held_out", [False, True])
def test_both_arms_are_remembered_until_it_is_known_what_came(held_out: bool) -> None:
    who = next(it for it in map(str, range(99)) if HALF.draws(COUPON.name, 0.5, it) == held_out)
    gate = msgspec.structs.replace(AGREED, holdout=HALF)
    table = ONCE.format(who=who)
    assert examples(table, COUPON, gate) == ((0, 1, 0) if held_out else (1, 0, 1))
    early = "\n".join(table.splitlines()[:3])
    assert examples(early, COUPON, gate) == (0, 0, 0)


def test_what_the_gate_has_refused_teaches_nothing() -> None:
    assert examples(ONCE.format(who="ann"), COUPON, Gate(holdout=HALF)) == (0, 0, 0)


def test_each_customer_counts_once_whatever_comes_later() -> None:
    who = next(it for it in map(str, range(99)) if not HALF.draws(COUPON.name, 0.5, it))
    gate = msgspec.structs.replace(AGREED, holdout=HALF)
    table = (
        ONCE.format(who=who)
        + f"""
    2026-04-20 08:00  {who}  order_placed total_cents=8000
    2026-12-20 08:00  {who}
    """
    )
    assert examples(table, COUPON, gate) == (1, 0, 1)
    coupon = msgspec.structs.replace(COUPON, pause_hours=0.0)
    assert examples(table, coupon, gate) == (1, 0, 1)


def test_learning_says_nothing_timeline() -> None:
    check(ONCE_TOLD, ALERT, COUPON)


def test_what_a_coupon_costs_is_learned_from_those_that_are_redeemed() -> None:
    gate = msgspec.structs.replace(AGREED, holdout=HALF)
    who = next(it for it in map(str, range(99)) if not HALF.draws(COUPON.name, 0.5, it))
    partition = Partition(ALERT, COUPON, gate=gate)
    first, second, last = ONCE.format(who=who).strip().splitlines()
    told = partition.facts(*(it for _, it in facts(parse(f"{first}\n2026-02-28 08:00 {who}"))))
    second += f" event_id=later order_id=later coupons={code_in(told)}"
    partition.facts(*(it for _, it in facts(parse(f"{second}\n{last}"))), begin=99)
    ledger = msgspec.msgpack.decode(partition.state()["ledgers"][COUPON.name], type=Arms)
    assert (ledger.answered, ledger.redeemed) == (1, 1)


ONCE_TOLD = """
    2026-01-20 08:00  ann  order_placed total_cents=8000
    2026-02-19 08:00  ann               -> churn_alert
    2026-02-26 08:00  ann               -> win_back_coupon
    2026-03-23 08:00  ann               -> coupon_expiring
    2026-03-26 08:00  ann               -> noted win_back_coupon reason=expired_unused
    2026-05-01 08:00  ann               (it is learned that nothing came, and nothing is said)
"""


# A whole shop -------------------------------------------------------------------------------------


def offered(decisions: list[list[Decision]], since: int) -> dict[str, float]:
    """To which share of each kind of customer it was, or would have been, offered as worth it."""
    asked: Counter[str] = Counter()
    worth: Counter[str] = Counter()
    for it in (it for partition in decisions for it in partition):
        is_offer = it.reason in ("alert_unanswered", "held_out", "no_effect_expected")
        if it.kind != "win_back_coupon" or it.decided_at < since or not is_offer:
            continue
        kind = list(WARES)[int(it.customer_id[1:]) % 3]
        assert "model" in it.evidence.values
        asked[kind] += 1
        worth[kind] += it.outcome != "noted" and "explored" not in it.evidence.values
    return {it: worth[it] / asked[it] for it in WARES}


def test_a_shop_learns_from_its_own_holdout_to_leave_those_alone_who_come_anyway() -> None:
    run, later = replay(agent()), BEGIN + 60 * DAY
    asyncio.run(run.run(history(shoppers(900, BEGIN))))
    assert run.models
    asyncio.run(run.run(history(shoppers(150, later, "x"))))
    share = offered(run.decisions, later)
    assert share["undecided"] == 1
    assert share["sure"] == share["lost"] == 0


def test_a_shop_in_which_it_changes_nothing_ends_by_exploring_alone() -> None:
    run, later = replay(agent()), BEGIN + 60 * DAY
    asyncio.run(run.run(history(shoppers(900, BEGIN), effect=0.0)))
    asyncio.run(run.run(history(shoppers(150, later, "x"), effect=0.0)))
    assert max(offered(run.decisions, later).values()) == 0


def test_the_ledger_and_the_model_of_a_shop_are_small() -> None:
    run = replay(agent())
    asyncio.run(run.run(history(shoppers(300, BEGIN))))
    contents = run.table.contents(0)
    assert len(contents["ledgers", "win_back_coupon"]) < 1_500
    assert all(len(it.model) < 2_500 for it in run.models)

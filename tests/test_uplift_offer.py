"""Offers by uplift: worth it, not worth it, or explored; and what is remembered until it is known."""

import asyncio
from collections import Counter
from math import log2

import msgspec
import pytest
from coupons import ALERT, COUPON, code_in
from partition import AGREED, SETTINGS, Partition
from timeline import check
from uplift_shop import BEGIN, WARES, agent, history, replay, shoppers

from agents.coupons.uplift import KNOWN, Arms, Uplift
from agents.coupons.worthwhile import explores, judged
from agents.engine.engine import Engine
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.win_back_coupon import WinBackCoupon
from schemas.decisions import Decision
from schemas.instant import DAY
from schemas.journal import Tick
from state.model import Fitted
from streams.learning.fitting import entry_of
from streams.replay import Replay
from streams.simulated.story import facts, moment, parse

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


def test_the_lot_that_explores_is_the_same_each_time_and_as_large_as_it_is_set() -> None:
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
    run.take(
        entry_of(coupon.name, msgspec.json.encode(model_of(effect)), moment("2026-02-20 08:00"))
    )
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


def test_what_was_known_at_the_offer_that_left_is_what_is_learned() -> None:
    who = next(it for it in map(str, range(99)) if not HALF.draws(COUPON.name, 0.5, it))
    table = f"""
    2026-01-20 08:00  {who}  order_placed total_cents=8000
    2026-03-01 08:00  {who}  (refused: nobody has agreed to anything)
    2026-03-02 08:00  {who}  order_placed total_cents=8000
    2026-03-02 09:00  {who}  consent_changed
    2026-06-02 08:00  {who}
    """
    # So long that it would still be waited for when the second one comes.
    coupon = msgspec.structs.replace(COUPON, outcome_days=45.0)
    partition = Partition(ALERT, coupon, gate=Gate(holdout=HALF, outcome_days=45.0))
    partition.facts(*(fact for _, fact in facts(parse(table))))
    ledger = msgspec.msgpack.decode(partition.state()["ledgers"][COUPON.name], type=Arms)
    assert (ledger.sent.count, ledger.held_out.count) == (1, 0)
    orders = 1 + KNOWN.index("orders")
    two_orders = round(32 * log2(1 + 2))
    assert ledger.sent.products[orders * (orders + 1) // 2] == two_orders


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

"""`make effect`: what is planted in a shop is what it does, and a report that is wrong is noticed."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from effect import COVERAGE, COVERAGE_OFF_MAX, FALSE_CLAIMS_MAX, Seen, look_at, outside
from effect_buyers import Kind, errors
from effect_counting import CAMPAIGN, HOLDOUT, OUTCOME_DAYS, Gated
from effect_shop import Shop

from schemas.event import Event
from schemas.instant import DAY
from schemas.orders import OrderPlaced, OrderRefunded
from state.outcome import SQUARES_LOW
from streams.effect.verdict import BUYERS_MIN

PROGRAM = Path(__file__).parent / "effect.py"
MEASURES = ["visited", "ordered"]


def test_a_customer_does_the_same_in_every_run_and_more_only_if_sent_a_message() -> None:
    shop = Shop(7, 0.5, 300)
    everybody = {it.subject for it in shop.occasions() if isinstance(it, Event)}
    without, again, with_it = (list(shop.outcomes(it)) for it in (set(), set(), everybody))
    assert without == again
    assert len(everybody) == 300
    came = [{it.subject for it in run if isinstance(it, Event)} for run in (without, with_it)]
    assert came[0] < came[1]


def test_a_message_is_sent_to_those_whom_the_hash_does_not_hold_out() -> None:
    shop = Shop(3, 0.0, 500)
    counting = Gated("key")
    sent = counting.feed(shop.occasions())
    counters = counting.counters()
    assert counters[f"effect/{CAMPAIGN}/sent/customers"] == len(sent)
    assert counters[f"effect/{CAMPAIGN}/held_out/customers"] == 500 - len(sent)
    assert abs(500 - len(sent) - 500 * HOLDOUT) < 50
    assert counters[f"effect/{CAMPAIGN}/expected/mean"] == 500 * HOLDOUT * 10**6


def test_the_engine_counts_what_a_plain_count_of_the_same_events_does() -> None:
    shop = Shop(11, 0.1, 400)
    counting = Gated("key")
    sent = counting.feed(shop.occasions())
    outcomes = [it for it in shop.outcomes(sent) if isinstance(it, Event)]
    counting.feed(shop.outcomes(sent))
    exposed_at = {it.subject: it.occurred_at for it in shop.occasions() if isinstance(it, Event)}
    plain: Counter[str] = Counter()
    for who, at in exposed_at.items():
        arm = f"effect/{CAMPAIGN}/{'sent' if who in sent else 'held_out'}"
        theirs = [
            it for it in outcomes if it.subject == who and it.occurred_at <= at + OUTCOME_DAYS * DAY
        ]
        orders = [it for it in theirs if isinstance(it, OrderPlaced)]
        back = sum(it.refund_cents or 0 for it in theirs if isinstance(it, OrderRefunded))
        cents = sum(it.paid_cents for it in orders) - back
        plain.update(
            {
                f"{arm}/customers": 1, f"{arm}/visited": bool(theirs), f"{arm}/ordered": bool(orders),
                f"{arm}/repeated": len(orders) > 1, f"{arm}/orders": len(orders),
                f"{arm}/money/EUR": cents, f"{arm}/squares": cents**2,
            }
        )  # fmt: skip
    counters = counting.counters()
    for name, count in plain.items():
        high, low = (
            counters[f"{name}_{it}/EUR"] if name.endswith("squares") else 0
            for it in ("high", "low")
        )
        assert count == (high * SQUARES_LOW + low if name.endswith("squares") else counters[name])


def test_a_large_effect_is_found_in_one_shop() -> None:
    seen = look_at(Shop(1, 0.8, 4_500))
    assert set(seen.claimed) == {"visited", "ordered", "repeated", "money"}
    assert not seen.arms_differ


def test_intervals_that_are_too_narrow_or_too_wide_are_noticed() -> None:
    def runs(covered: int, claims: int) -> list[Seen]:
        return [
            Seen(
                "+0%",
                0.0,
                it,
                MEASURES if it < covered else [],
                [],
                MEASURES if it < claims else [],
                False,
                1,
            )
            for it in range(100)
        ]

    assert outside(runs(95, 5), MEASURES) == []
    assert outside(runs(92, 0), MEASURES) == []
    assert len(outside(runs(91, 0), MEASURES)) == 2
    assert len(outside(runs(99, 0), MEASURES)) == 2
    assert outside(runs(95, 6), ["visited"]) == [
        "+0%: an effect is claimed in 6.0% of 100 runs that have none"
    ]


def test_the_program_says_in_json_what_it_found_and_exits_with_1_outside_the_bounds() -> None:
    command = [sys.executable, str(PROGRAM), "--seeds", "2", "--customers", "400", "--json"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=dict(os.environ)
    )
    answer = json.loads(done.stdout)
    # Of two runs none or half or all hold the truth, and 95 % is none of these.
    assert done.returncode == 1
    assert len(answer["wrong"]) >= 4
    assert [it["kind"] for it in answer["runs"]] == [
        "+0%, 40% held out", "+10%, 40% held out", "+0%, 5% held out",
    ]  # fmt: skip
    assert [it["customers"] for it in answer["runs"]] == [800, 800, 800]


def test_of_the_least_number_of_buyers_an_interval_of_money_is_nearly_what_it_says() -> None:
    # Of 30, the interval of every tenth shop lies above the truth.
    few, least = (errors(Kind(it, sigma=1.2), 300) for it in (30, BUYERS_MIN))
    assert few["more"] > 0.1
    assert 1 - least["more"] - least["less"] >= COVERAGE - COVERAGE_OFF_MAX
    assert least["money"] <= FALSE_CLAIMS_MAX

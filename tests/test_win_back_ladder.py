"""The win-back ladder: reminder, larger coupon by value, last call; any order ends it at any step."""

import re

import msgspec
import pytest
from coupons import ALERT, Bell
from msgspec.structs import replace
from partition import AGREED
from timeline import check

from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from agents.win_back_ladder import WinBackLadder
from schemas.decisions import Decision

LADDER = WinBackLadder(
    reminder_after_days=3.0, larger_after_days=20.0, last_call_after_days=40.0,
    spent_cents_min=8_000, code_key="secret",
)  # fmt: skip

#: The alert on 2026-01-31 08:00; the steps on 02-03, 02-20 and 03-12.
ALERTED = """
    2026-01-01 08:00  ann  order_placed total_cents=8000 products=kettle
    2026-01-31 08:00  ann  -> churn_alert
"""
REMINDED = "    2026-02-03 08:00  ann  -> win_back_reminder\n"
LARGER = "    2026-02-20 08:00  ann  -> win_back_larger_coupon\n"
EXPIRED = "-> noted win_back_ladder reason=expired_unused"
STEPS = [
    ("2026-02-03", "win_back_reminder"),
    ("2026-02-20", "win_back_larger_coupon"),
    ("2026-03-12", "win_back_last_call"),
]


def climbed(history: str, ladder: WinBackLadder = LADDER, gate: Gate = AGREED) -> list[Decision]:
    """What is said after the alert."""
    return check(ALERTED + history, ALERT, ladder, gate=gate)[1:]


def code_of(decisions: list[Decision]) -> str:
    code = str(msgspec.json.decode(decisions[1].payload)["code"])
    assert re.fullmatch(r"EBB(-[A-Z2-7]{4}){3}", code)
    return code


CODE = code_of(climbed(REMINDED + LARGER))


def test_timeline_the_whole_ladder_of_somebody_who_never_answers() -> None:
    reminder, larger, last_call, _ = climbed(
        f"""
        2026-02-03 07:59:59  ann
        2026-02-03 08:00  ann  -> win_back_reminder reason=alert_not_answered_yet quiet_days=33 \
            orders=1 bought=kettle expires_at=2026-02-20T08:00 last_order_at=2026-01-01T08:00
        2026-02-20 07:59:59  ann
        2026-02-20 08:00  ann  -> win_back_larger_coupon reason=worth_a_larger_coupon code={CODE} \
            value_cents=2000 currency=EUR expires_at=2026-03-20T08:00 spent_cents=8000 \
            usual_order_cents=8000 quiet_days=50
        2026-03-12 07:59:59  ann
        2026-03-12 08:00  ann  -> win_back_last_call reason=alert_unanswered_to_the_end \
            quiet_days=70 expires_at=2026-03-20T08:00
        2026-03-20 08:00  ann  {EXPIRED} code={CODE}
        2026-12-20 08:00  ann
        """
    )
    assert {it.campaign for it in (reminder, larger, last_call)} == {"win_back_ladder"}
    assert len({it.evidence.events for it in (reminder, larger, last_call)}) == 1
    assert reminder.evidence.thresholds == {"reminder_after_days": 3.0}
    assert last_call.evidence.thresholds == {"last_call_after_days": 40.0}
    assert larger.evidence.thresholds == {
        "larger_after_days": 20.0, "spent_cents_min": 8_000, "share": 0.25,
        "value_cents_min": 500, "value_cents_max": 5_000, "margin_share": 0.3,
    }  # fmt: skip
    assert msgspec.json.decode(last_call.payload)["coupon"]["code"] == CODE


@pytest.mark.parametrize(
    ("steps", "ordered", "until", "then"),
    [
        ("", "2026-02-03 07:59", "2026-03-05 07:58", ""),
        (REMINDED, "2026-02-20 07:59", "2026-03-22 07:58", ""),
        (REMINDED + LARGER, "2026-03-12 07:59", "2026-03-20 08:00", EXPIRED),
    ],
)
def test_timeline_any_order_ends_it_at_any_step(
    steps: str, ordered: str, until: str, then: str
) -> None:
    climbed(f"{steps}\n{ordered}  ann  order_placed\n{until}  ann  {then}")


def test_timeline_an_order_that_was_placed_before_the_alert_and_seen_after_it_ends_it() -> None:
    climbed("""
        2026-02-01 08:00  ann  order_placed occurred_at=2026-01-30
        2026-02-28 08:00  ann
    """)


def test_timeline_a_late_order_from_before_the_silence_is_no_answer() -> None:
    climbed("2026-02-01 08:00  ann  order_placed occurred_at=2025-12-30\n" + REMINDED)


def test_timeline_an_alert_while_the_ladder_is_climbed_begins_no_other() -> None:
    check(
        """
        2026-01-01 07:59  ann  order_placed
        2026-01-01 08:00  ann  page_viewed  -> bell
        2026-01-02 08:00  ann  page_viewed  -> bell
        2026-01-04 08:00  ann  -> win_back_reminder
        2026-01-20 08:00  ann  page_viewed  -> bell
        2026-01-21 08:00  ann  -> noted win_back_larger_coupon reason=spent_too_little
        2026-02-10 08:00  ann  -> win_back_last_call coupon=none expires_at=2026-03-10T08:00
        2026-02-10 08:01  ann  page_viewed  -> bell
        2026-02-13 08:01  ann  -> win_back_reminder
        """,
        Bell(),
        replace(LADDER, after="bell", pause_hours=0),
    )


def test_timeline_after_an_order_the_next_alert_begins_it_anew() -> None:
    climbed(
        REMINDED
        + """
        2026-02-10 08:00  ann  order_placed total_cents=2000
        2026-03-12 08:00  ann  -> churn_alert
        2026-03-15 08:00  ann  -> win_back_reminder orders=2
        2026-04-01 08:00  ann  -> win_back_larger_coupon value_cents=1250 usual_order_cents=5000
        """,
        replace(LADDER, pause_hours=0),
    )


def test_timeline_an_alert_that_the_gate_refused_begins_nothing() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed
        2026-01-31 08:00  ann  -> suppressed churn_alert reason=no_consent
        2026-04-30 08:00  ann
        """,
        replace(ALERT, purpose="marketing"), LADDER, gate=Gate(),
    )  # fmt: skip


def test_timeline_without_consent_each_step_says_so_and_nobody_has_a_coupon() -> None:
    rows = [f"{day} 08:00  ann  -> suppressed {it} reason=no_consent" for day, it in STEPS]
    decisions = climbed("\n".join(rows) + "\n2026-04-12 08:00  ann", gate=Gate())
    assert msgspec.json.decode(decisions[2].payload)["coupon"] is None


def test_timeline_after_an_outage_the_last_step_that_is_due_is_taken_and_no_other() -> None:
    climbed("""
        2026-02-02 08:00  clock  stops
        2026-02-06 08:00  clock  goes_on
        2026-02-06 08:00  ann  -> win_back_reminder quiet_days=36
        2026-02-20 08:00  ann  -> win_back_larger_coupon
    """)
    climbed("""
        2026-02-02 08:00  clock  stops
        2026-02-20 08:00  clock  goes_on
        2026-02-20 08:00  ann  -> win_back_larger_coupon
        2026-03-12 08:00  ann  -> win_back_last_call
    """)


# What is held back -------------------------------------------------------------------------------

NOON = Gate(
    assume_consent=("marketing",), holdout=Holdout(share=0, over_all=0),
    quiet_hours=QuietHours(begin="07:00", end="12:00", time_zone="UTC"),
)  # fmt: skip


def held_until(day: str) -> str:
    """The steps before a day, each of which left at noon; the coupon stands for ten days."""
    rows = [
        f"{it} 08:00  ann  -> deferred {kind}\n{it} 12:00:01  ann  -> {kind}\n"
        for it, kind in STEPS
        if it < day
    ]
    return "".join(rows) + (f"2026-03-02 08:00  ann  {EXPIRED}\n" if day > "2026-03-02" else "")


@pytest.mark.parametrize(
    ("happens", "is_wanted"),
    [
        ("page_viewed", True),
        ("order_placed", False),
        ("order_placed occurred_at=2025-12-30", True),
    ],
)
@pytest.mark.parametrize(("day", "kind"), STEPS)
def test_timeline_what_was_held_back_leaves_unless_an_order_came(
    day: str, kind: str, happens: str, is_wanted: bool
) -> None:
    climbed(
        held_until(day)
        + f"""
        {day} 08:00  ann  -> deferred {kind} reason=quiet_hours
        {day} 10:00  ann  {happens}
        {day} 12:00:01  ann  -> {kind if is_wanted else f"suppressed {kind} reason=reason_gone"}
        """,
        replace(LADDER, valid_days=10),
        NOON,
    )


def test_timeline_a_larger_coupon_that_was_held_back_counts_from_when_it_left() -> None:
    climbed(
        held_until("2026-03-01")
        + f"""
        2026-02-20 12:05  ann  order_placed coupons={CODE} -> noted win_back_ladder reason=redeemed
        """,
        gate=NOON,
    )


# Settings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"reminder_after_days": 20.0}, "are 20.0, 20.0 and 40.0: each step must come later"),
        ({"last_call_after_days": 20.0}, "are 3.0, 20.0 and 20.0: each step must come later"),
        ({"value_cents_min": 6_000}, "value_cents_min is 6000, more than value_cents_max"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    changes: dict[str, float], mistake: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(mistake)):
        replace(LADDER, **changes)

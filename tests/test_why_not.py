"""`ebbtide why-not`: which rule stands between a customer and a trigger, asked of the real gate."""

import pytest
from recorded import (
    EVENING,
    MORNING,
    NIGHTLY,
    PARTITIONS,
    History,
    Louder,
    Offer,
    agrees,
    ticks,
    views,
)

from agents.agent import Agent
from agents.churn_alert import ChurnAlert
from agents.gate.caps import Cap
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.win_back_coupon import WinBackCoupon
from schemas.instant import DAY, HOUR, MINUTE
from streams.commands.silence import Silence, Who, silence

NOBODY = Holdout(share=0, over_all=0)
OPEN = Gate(holdout=NOBODY)
OFFER = Offer()


def ask(history: History, agent: Agent = OFFER, *, is_on: bool = True) -> Silence:
    who = Who("ann", next(iter(agent.says)), agent, is_on)
    return silence(who, history.decided, history.row, history.shop, history.gate, PARTITIONS)


# What is known -----------------------------------------------------------------------------------


def test_what_was_never_wanted_names_what_the_agent_waits_for() -> None:
    told = ask(History(OPEN, agrees()))
    assert told.sentences["agent"] == [
        "offer is on, and says it for the purpose marketing.",
        "It has set no timer, and decides when one of these comes: page viewed.",
        "The clock of the customer's partition is at 2026-01-20 07:00:00 UTC.",
    ]
    assert told.sentences["so far"] == ["The agent never wanted to say offer to ann."]
    assert told.sentences["now"] == ["The gate would let one pass, by email."]
    assert (told.said, told.records, told.waits) == (None, [], None)


def test_a_timer_says_when_the_agent_looks_again() -> None:
    alert = ChurnAlert()
    history = History(OPEN, agrees(), agents=[alert])
    assert history.row is not None
    history.row.timers |= {"churn_alert/late": MORNING + 9 * DAY, "churn_alert": MORNING + DAY}
    history.row.timers["churn_alert_2"] = MORNING
    told = ask(history, alert)
    assert told.sentences["agent"][1:3] == [
        "It looks again at 2026-01-21 08:00:00 UTC (timer churn_alert).",
        "It looks again at 2026-01-29 08:00:00 UTC (timer churn_alert/late).",
    ]
    assert [it.name for it in told.timers] == ["churn_alert", "churn_alert/late"]


def test_an_agent_that_is_off_says_nothing_and_the_gate_is_not_asked() -> None:
    told = ask(History(OPEN, agrees()), is_on=False)
    assert told.sentences["agent"] == [
        "offer is off: engine.toml has no section [agents.offer]. It says nothing."
    ]
    assert told.now is None
    assert "now" not in told.sentences


def test_a_refusal_that_repeats_itself_is_told_with_how_often() -> None:
    told = ask(History(OPEN, *(views(it, MORNING + it * MINUTE) for it in range(4))))
    assert told.sentences["so far"] == [
        (
            "2026-01-20 08:00:00 UTC: suppressed."
            " The customer has not agreed to marketing on any channel."
        ),
        "Since then refused 3 times more, for the same reason.",
    ]
    assert told.sentences["now"] == [
        "The gate would refuse one. The customer has not agreed to marketing on any channel."
    ]


def test_a_refusal_whose_record_is_gone_is_known_from_the_row() -> None:
    history = History(OPEN, views(1, MORNING))
    history.decided.clear()
    assert ask(history).sentences["so far"] == [
        "Refused. The customer has not agreed to the agent's purpose on any channel."
    ]


def test_only_the_last_records_are_told_the_newest_first() -> None:
    days = [views(it, MORNING + it * DAY) for it in range(9)]
    told = ask(History(OPEN, agrees(), *days))
    moments = [it.partition(": ")[0] for it in told.sentences["before"]]
    assert moments == [f"2026-01-{day} 08:00:00 UTC" for day in (27, 26, 25, 24)]
    assert told.sentences["so far"] == [
        "2026-01-28 08:00:00 UTC: sent by email. Page viewed.",
        "In all sent 9 times and held out 0 times, the last time at 2026-01-28 08:00:00 UTC.",
    ]


def test_another_kind_has_no_part_in_it() -> None:
    history = History(Gate(at_once="suppress", holdout=NOBODY), agrees(), views(1, MORNING), agents=[Offer(), Louder()])  # fmt: skip
    told = ask(history)
    assert [it.kind for it in told.records] == ["offer"]
    assert "On the same occasion louder came, which goes first" in told.sentences["so far"][0]


def test_what_waits_is_told_with_until_when_and_why() -> None:
    told = ask(History(NIGHTLY, agrees(), *ticks(EVENING - HOUR, EVENING), views(1, EVENING)))
    assert told.sentences["waits"] == [
        (
            "One waits, since 2026-01-20 22:00:00 UTC until 2026-01-21 08:00:00 UTC: It is quiet"
            " where the customer is. Until then another would be refused (already held)."
        )
    ]
    assert told.waits is not None
    assert told.waits.hands_out_cents == 500
    assert told.now is not None
    assert told.now.until == told.waits.until == "2026-01-21T08:00:00.000Z"
    assert told.sentences["now"] == [
        (
            "The gate would put one off. It is quiet where the customer is (UTC); it may leave at"
            " 2026-01-21 08:00:00 UTC."
        )
    ]


# What the gate would say -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "gate", "reason", "told"),
    [
        (Offer(pause_hours=48.0), OPEN, "paused", "One of this kind left 3 h before; the pause is 48 hours."),
        (OFFER, Gate(holdout=NOBODY, distance_hours=5.0), "too_soon", "5 hours have to lie between two triggers, so none may leave before 2026-01-20 13:00:00 UTC."),
        (OFFER, Gate(holdout=NOBODY, caps=(Cap(sent_max=1, hours=24.0, per="kind"),)), "capped", "For each kind the cap is 1 in 24 hours; none may leave before 2026-01-21 08:00:00 UTC."),
        (Offer(purpose="service"), OPEN, "no_consent", "The customer has not agreed to service"),
        (Offer(channels=("sms",)), OPEN, "no_consent", "The customer has not agreed to marketing"),
        (OFFER, Gate(holdout=Holdout(share=0, over_all=0.5, key="d")), "held_out_over_all", "The gate would hold one out."),
        (OFFER, OPEN, "", "The gate would let one pass, by email."),
        (Offer(purpose="internal"), OPEN, "", "The gate would let one pass, to the shop's own people."),
    ],
    ids=["pause", "distance", "cap", "purpose", "channel", "holdout", "open", "internal"],
)  # fmt: skip
def test_the_gate_is_asked_at_the_clock_of_the_partition(
    agent: Offer, gate: Gate, reason: str, told: str
) -> None:
    noon = ticks(MORNING + HOUR, MORNING + 3 * HOUR)
    it = ask(History(gate, agrees(), views(1, MORNING), *noon, agents=[agent]), agent)
    assert it.now is not None
    assert it.now.reason == reason
    assert told in it.sentences["now"][0]


def test_a_budget_is_asked_for_what_the_last_one_would_have_handed_out() -> None:
    # A quarter of the budget is the partition's: two offers of 5.00 EUR out of 40.00.
    agent = Offer(budget_cents={"EUR": 4_000})
    days = [views(it, MORNING + it * HOUR) for it in range(3)]
    history = History(OPEN, agrees(), *days, *ticks(MORNING + DAY, MORNING + DAY), agents=[agent])
    assert history.row is not None
    history.row.currency = "EUR"
    history.shop.budgets["offer"].cents["EUR"] = 1_000
    assert ask(history, agent).sentences["now"] == [
        (
            "The gate would refuse one."
            " It hands out 5.00 EUR; 10.00 EUR of this partition's 10.00 EUR are spent."
        ),
        "Asked was for 5.00 EUR, as for the one of 2026-01-20 10:00:00 UTC.",
    ]
    history.decided.clear()
    assert ask(history, agent).sentences["now"] == [
        "The gate would refuse one. 10.00 EUR of this partition's 10.00 EUR are spent."
    ]
    history.shop.budgets["offer"].cents["EUR"] = 999
    assert ask(history, agent).sentences["now"] == [
        "The gate would let one pass, by email.",
        "What it would hand out only the agent knows: the budget may be too small.",
    ]


def test_who_is_held_out_is_not_told_that_something_left() -> None:
    gate = Gate(holdout=Holdout(share=0.5, over_all=0.5, key="d"))
    agent = Offer(pause_hours=48.0)
    noon = ticks(MORNING + 3 * HOUR, MORNING + 3 * HOUR)
    history = History(gate, agrees(), views(1, MORNING), *noon, views(2, MORNING + 3 * HOUR), agents=[agent])  # fmt: skip
    told = ask(history, agent)
    assert told.sentences["now"] == [
        "The gate would refuse one. One of this kind was held out 3 h before; the pause is 48 hours.",
        "Without the pause it would hold one out again, so nothing would leave.",
    ]
    assert "One of this kind was held out 3 h before" in told.sentences["so far"][0]


def test_consent_that_was_assumed_is_not_called_agreed_to() -> None:
    gate = Gate(holdout=NOBODY, assume_consent=("marketing",))
    assert ask(History(gate, views(1, MORNING))).sentences["now"] == [
        "The gate would let one pass, by push.",
        ("By push, marketing is assumed to be agreed to (`assume_consent`): they never said so."),
    ]


def test_an_agent_that_waits_for_a_trigger_says_of_which_kind() -> None:
    agent = WinBackCoupon(after="service_recovery")
    told = ask(History(OPEN, agrees(), agents=[agent]), agent)
    assert (
        "when one of these comes: a trigger service_recovery that leaves,"
        in told.sentences["agent"][1]
    )


def test_who_has_too_much_waiting_is_not_put_off_once_more() -> None:
    history = History(NIGHTLY, agrees(), *ticks(EVENING - HOUR, EVENING), views(1, EVENING))
    assert history.row is not None
    history.row.held *= 8
    now = ask(history, Louder()).now
    assert now is not None
    assert (now.outcome, now.reason, now.until) == ("suppressed", "too_many_held", None)

"""Reasons: every word that the gate and the engine can give is a sentence, with the right units."""

import doctest
import re
from string import Formatter

import pytest
from pages import ROOT

from schemas import mistake
from schemas.decisions import Evidence
from streams.commands import consent_view, figures, reasons
from streams.commands.figures import seen
from streams.commands.reasons import SENTENCES, sentence
from streams.customer import gate as gate_view

#: How the gate and the engine give a reason in their source.
GIVEN = (
    r'refused\(\s*"(\w+)"', r'Verdict\(\s*"\w+",\s*"(\w+)"', r'_drop\([^")]*"(\w+)"',
    r'refusal="(\w+)"', r'return "(\w+)" if ', r'return "(\w+)", \{', r'Note\(reason="(\w+)"',
    r'outcome="suppressed", reason="(\w+)"',
)  # fmt: skip

GATE = [*(ROOT / "agents" / "gate").glob("*.py")]
ENGINE = [ROOT / "agents/engine" / f"{name}.py" for name in ("speech", "cause", "asking", "doing")]
ENGINE += [ROOT / "schemas" / "decisions.py"]


def given() -> set[str]:
    source = "\n".join(it.read_text("utf-8") for it in (*GATE, *ENGINE))
    return {reason for pattern in GIVEN for reason in re.findall(pattern, source)}


def test_every_reason_that_the_gate_and_the_engine_give_has_a_sentence() -> None:
    # And none has one that is not given: a word that was renamed shows here.
    assert given() == SENTENCES.keys()


@pytest.mark.parametrize("reason", sorted(SENTENCES))
def test_a_reason_is_a_sentence_without_its_figures_too(reason: str) -> None:
    told = sentence(reason, {})
    assert re.fullmatch(r"[A-Z][^{}]*\.", told)
    # A sentence of its own, and not the word itself with a capital and a full stop.
    assert told != f"{reason.replace('_', ' ').capitalize()}."


def test_a_figure_in_a_sentence_is_one_that_the_rule_gives() -> None:
    source = "\n".join(it.read_text("utf-8") for it in (*GATE, *ENGINE))
    for templates in SENTENCES.values():
        for _, name, _, _ in (part for it in templates for part in Formatter().parse(it)):
            assert not name or re.search(rf'\b{name}=|"{name}"', source), name


@pytest.mark.parametrize(
    ("reason", "saw", "told"),
    [
        ("capped", {"per": "customer", "sent_max": 3, "hours": 168.0, "free_at": "2026-01-21T07:00:00.000Z"},
         "For each customer the cap is 3 in 168 hours; none may leave before 2026-01-21 07:00:00 UTC."),
        ("capped", {"sent": 32, "sent_max": 32}, "32 triggers still count, and no more than 32"),
        ("over_budget", {"asked_cents": 500, "spent_cents": 9_800, "budget_cents": 10_000, "currency": "EUR"},
         "It hands out 5.00 EUR; 98.00 EUR of this partition's 100.00 EUR are spent."),
        ("over_budget", {"asked_cents": 500, "spent_cents": 9_800, "budget_cents": 10_000, "currency": "JPY"},
         "It hands out 500 JPY; 9,800 JPY of this partition's 10,000 JPY are spent."),
        ("held_out", {"share": 0.05}, "among the 5 % who"),
        ("quiet_hours", {"time_zone": "Europe/Berlin", "until": "2026-01-21T07:00:00.000Z"},
         "(Europe/Berlin); it may leave at 2026-01-21 07:00:00 UTC."),
        ("excluded", {"after": "service_recovery", "hours_since": 1.0, "hours": 72.0},
         "The last service_recovery left 60 min before; for 72 hours after it this kind is not sent."),
        ("excluded", {"after": "service_recovery", "hours_since": 0.02, "hours": 72.0, "until_closed": True},
         "less than 2 min before; for 72 hours after it this kind is not sent, which a `case_closed` event ends earlier."),
        ("paused", {"hours_since": 3.0, "pause_hours": 24.0, "held_out": True},
         "One of this kind was held out 3 h before; the pause is 24 hours."),
        ("with_win_back_coupon", {}, "together with win_back_coupon"),
        ("cart_untouched", {}, "Cart untouched."),
    ],
)  # fmt: skip
def test_figures_stand_in_the_sentence_with_their_units(
    reason: str, saw: dict[str, object], told: str
) -> None:
    assert told in sentence(reason, saw)


def test_what_was_seen_stands_beside_what_it_was_held_against() -> None:
    evidence = Evidence(
        values={
            "quiet_days": 44.2, "gap_days": [7.0, 6.5, 8.0], "chance": 0.0197, "rating": 2,
            "usual_order_cents": 3_000, "redeemed_at": "2026-01-20T08:00:00.000Z", "order_id": None,
        },
        thresholds={"chance": 0.02, "quiet_days_min": 7.0, "rating_max": 2, "value_cents_max": 500},
    )  # fmt: skip
    assert seen(evidence, "EUR") == [
        (
            "Seen: quiet 44.2 days (held against at least 7 days); gap 7, 6.5 and 8 days;"
            " chance 1.97 % (held against 2 %); rating 2 (held against at most 2);"
            " usual order 30.00 EUR; redeemed 2026-01-20 08:00:00 UTC; order id unknown."
        ),
        "Set: value at most 5.00 EUR.",
    ]
    assert seen(Evidence(), "") == []


def test_the_examples_in_the_docstrings_are_so() -> None:
    results = [doctest.testmod(it) for it in (consent_view, figures, gate_view, mistake, reasons)]
    assert [it.failed for it in results] == [0] * 5
    assert all(it.attempted for it in results)

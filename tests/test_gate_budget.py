"""Budget: a campaign hands out no more than its share of it in a period, exactly, whoever asks first."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from partition import Partition
from timeline import check
from voices import News, Offer, agreed

from agents.agent import Agent
from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from agents.roster import hire
from schemas.clickstream import PageViewed
from schemas.instant import DAY
from schemas.journal import Tick
from streams.simulated.story import moment

NIGHT = QuietHours(begin="21:00", end="08:00", time_zone="UTC")


def coupon(cents: int = 400, budget: int = 1_000, **more: Any) -> Offer:
    """An offer that hands something out of a budget of ten euros a day."""
    return Offer(gives_cents=cents, budget_cents={"EUR": budget}, budget_days=1, **more)


def test_what_is_handed_out_in_a_period_is_the_budget_and_not_a_cent_more() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=offer  -> offer
        2026-01-20 09:00  bob  page_viewed url=offer  -> offer
        2026-01-20 10:00  cem  page_viewed url=offer  -> suppressed offer reason=over_budget \
            asked_cents=400 spent_cents=800 budget_cents=1000 currency=EUR
        2026-01-20 23:59  cem  page_viewed url=offer
        2026-01-21 00:00  cem  page_viewed url=offer  -> offer refused_before=1
        """,
        coupon(),
        gate=agreed(),
    )
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=offer  -> offer
        2026-01-20 09:00  bob  page_viewed url=offer  -> offer
        2026-01-20 10:00  cem  page_viewed url=offer  -> suppressed offer reason=over_budget
        """,
        coupon(500),
        gate=agreed(),
    )


def test_a_currency_that_the_budget_does_not_name_has_none() -> None:
    check(
        "2026-01-20 08:00  ann  page_viewed url=offer  -> suppressed offer reason=over_budget "
        "budget_cents=0 currency=USD",
        coupon(1, currency="USD"),
        gate=agreed(),
    )


def test_what_hands_out_nothing_needs_no_budget_and_what_has_none_has_no_limit() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=offer,news  -> offer; news
        2026-01-20 08:00  bob  page_viewed url=offer,news  -> offer; news
        """,
        Offer(gives_cents=10**9), News(budget_cents={"EUR": 0}),
        gate=agreed(at_once="all"),
    )  # fmt: skip


def test_agents_of_one_campaign_spend_one_budget_and_others_their_own() -> None:
    one: dict[str, Any] = {
        "gives_cents": 600, "budget_cents": {"EUR": 1_000}, "budget_days": 1.0,
    }  # fmt: skip
    table = "2026-01-20 08:00  ann  page_viewed url=offer,news  -> offer; {}"

    check(
        table.format("suppressed news reason=over_budget spent_cents=600"),
        Offer(campaign="spring", **one), News(campaign="spring", **one),
        gate=agreed(at_once="all"),
    )  # fmt: skip
    check(table.format("news"), Offer(**one), News(**one), gate=agreed(at_once="all"))


def test_who_is_held_out_costs_nothing_and_who_joins_another_trigger_does() -> None:
    # Of this key's customers ann is held out of offers, and dee is not.
    halves = Holdout(share=0, over_all=0, key="halves-7")
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=offer       -> held_out offer
        2026-01-20 08:01  dee  page_viewed url=offer,news  -> news; merged offer
        2026-01-20 08:02  dee  page_viewed url=offer,news  -> news; \
            suppressed offer reason=over_budget spent_cents=600
        """,
        News(priority=1), coupon(600, holdout_share=0.5),
        gate=agreed(at_once="merge", holdout=halves),
    )  # fmt: skip


def test_what_is_held_back_is_paid_for_when_it_leaves_and_the_first_in_the_queue_gets_it() -> None:
    check(
        """
        2026-01-20 22:30     cem  page_viewed url=offer  -> deferred offer
        2026-01-20 23:00     ann  page_viewed url=offer  -> deferred offer
        2026-01-20 23:30     bob  page_viewed url=offer  -> deferred offer
        # They come at one tick, the first to be held back first.
        2026-01-21 08:00:01  cem                         -> offer
        2026-01-21 08:00:01  ann                         -> offer
        2026-01-21 08:00:01  bob  -> suppressed offer reason=over_budget spent_cents=800
        """,
        coupon(),
        gate=agreed(quiet_hours=NIGHT),
    )


@pytest.mark.parametrize(("partitions", "sent"), [(1, 2), (2, 1), (3, 0)])
def test_each_partition_has_its_part_of_the_budget(partitions: int, sent: int) -> None:
    shop = Partition(coupon(), gate=agreed())
    shop.engine = Engine([coupon()], agreed(), EngineSettings(), partitions)

    said = shop.facts(*(view(name, moment("2026-01-20 08:00")) for name in ("ann", "bob", "cem")))

    assert [it.outcome for it in said].count("sent") == sent


def view(customer_id: str, at: int, url: str = "offer") -> PageViewed:
    return PageViewed(event_id=f"e{at}", occurred_at=at, customer_id=customer_id, url=url)


def test_a_period_that_has_begun_is_not_left_again() -> None:
    shop, midnight = Partition(coupon(), gate=agreed()), moment("2026-01-21")

    # Two before midnight and one after it; then one that comes late, which the new period pays.
    said = shop.facts(
        Tick(midnight - 1_000),
        view("ann", midnight - 900),
        view("bob", midnight - 800),
        view("cem", midnight + 1),
        view("dee", midnight - 700),
        view("eve", midnight - 600),
        view("fay", midnight + 2),
    )

    assert [it.outcome for it in said] == ["sent"] * 4 + ["suppressed"] * 2
    assert [it.gate.get("spent_cents") for it in said[4:]] == [800, 800]


@dataclass
class Change:
    """Settings that change overnight, and what may still be handed out of four euros."""

    agent: Agent
    days: int
    outcome: str


@pytest.mark.parametrize(
    "change",
    [
        Change(coupon(budget=400), 0, "suppressed"),
        Change(coupon(budget=800), 0, "sent"),
        Change(coupon(budget=400), 1, "sent"),
        Change(msgspec.structs.replace(coupon(budget=400), budget_days=30.0), 0, "suppressed"),
        Change(coupon(budget=400, campaign="other"), 0, "sent"),
    ],
)
def test_a_budget_that_is_changed_counts_what_was_spent_in_the_period_as_it_is_now(
    change: Change,
) -> None:
    before, after = Partition(coupon(), gate=agreed()), Partition(change.agent, gate=agreed())
    after.table, noon = before.table, moment("2026-01-20 12:00")
    before.facts(view("ann", noon))

    (said,) = after.facts(view("bob", noon + change.days * DAY), begin=1)

    assert said.outcome == change.outcome


def test_what_is_handed_out_is_counted_by_campaign_and_currency() -> None:
    shop, noon = Partition(coupon(campaign="spring"), gate=agreed()), moment("2026-01-20 12:00")

    shop.facts(*(view(name, noon) for name in ("ann", "bob", "cem")))

    assert shop.state()["counters"]["money/spring/handed_out/EUR"] == 800


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"budget_cents": {"EUR": 2}}, "budget_cents"),
        ({"budget_days": 7}, "budget_days"),
        ({"holdout_share": 0.0}, "holdout_share"),
    ],
)
def test_agents_that_speak_for_one_campaign_must_agree_on_its_budget_and_its_holdout(
    settings: dict[str, Any], field: str
) -> None:
    shared = {"campaign": "churn_alert"}

    hire({"churn_alert": {}, "abandoned_cart": shared})
    hire({"churn_alert": {}, "abandoned_cart": settings})
    with pytest.raises(ValueError, match=rf"agents.churn_alert.{field}.* of agents.abandoned_cart"):
        hire({"churn_alert": {}, "abandoned_cart": shared | settings})

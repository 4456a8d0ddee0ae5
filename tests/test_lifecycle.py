"""Lifecycle: each stage is told once, only by the table, whatever comes late and whenever ticks come."""

import pytest
from msgspec import Raw
from partition import Partition, journal
from timeline import check

from agents.agent import View
from agents.churn_alert import ChurnAlert
from agents.engine.intake import EngineSettings
from agents.lifecycle import Lifecycle
from schemas.clickstream import PageViewed, ProductViewed
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Entry, Tick
from schemas.orders import Item, OrderPlaced
from state.shop import Shop
from streams.simulated.story import moment

LIFE = Lifecycle(at_risk_days=30, lapsed_days=90)
ALERT = ChurnAlert(purpose="internal", chance=0.99, quiet_days_min=5, default_gap_days=0.001)


def test_a_timeline_of_a_whole_life_names_each_stage_once() -> None:
    check(
        """
        2026-01-01 08:00  anon:x  page_viewed
        2026-01-01 08:01  anon:x  product_viewed  (a visitor: nothing is said of that)
        2026-01-01 08:02  anon:x  product_added event_id=cart \
            -> lifecycle_changed reason=showed_interest from_stage=visitor to_stage=lead \
               interest=product_added orders=0 last_order_at=none events=cart
        2026-01-02 08:00  anon:x  order_placed event_id=first \
            -> lifecycle_changed reason=first_order from_stage=lead to_stage=new orders=1 \
               last_order_at=2026-01-02T08:00 events=first
        2026-01-10 08:00  anon:x  order_placed \
            -> lifecycle_changed reason=second_purchase from_stage=new to_stage=active orders=2
        2026-01-12 08:00  anon:x  order_placed  (active already)
        2026-02-11 08:00  anon:x  -> lifecycle_changed reason=grew_quiet from_stage=active \
            to_stage=at_risk quiet_days=30 events= last_order_at=2026-01-12T08:00
        2026-02-12 08:00  anon:x  page_viewed  (looking is not buying)
        2026-02-20 08:00  anon:x  order_placed \
            -> lifecycle_changed reason=back_in_time from_stage=at_risk to_stage=active
        2026-03-20 08:00  anon:x  page_viewed
        2026-03-22 08:00  anon:x  -> lifecycle_changed from_stage=active to_stage=at_risk
        2026-04-10 08:00  anon:x  page_viewed
        2026-05-01 08:00  anon:x  page_viewed
        2026-05-21 08:00  anon:x  -> lifecycle_changed reason=stayed_away from_stage=at_risk \
            to_stage=lapsed quiet_days=90
        2026-05-22 08:00  anon:x  page_viewed
        2026-05-23 08:00  anon:x  order_placed event_id=back \
            -> lifecycle_changed reason=came_back from_stage=lapsed to_stage=won_back events=back
        2026-05-23 19:00  anon:x  order_placed  (the milk that was forgotten)
        2026-05-24 08:00  anon:x  order_placed \
            -> lifecycle_changed reason=stays_back from_stage=won_back to_stage=active
        """,
        LIFE,
        settings=EngineSettings(anonymous_days=365),
    )


def test_a_timeline_of_interest_in_every_form_makes_a_lead_once() -> None:
    for event, shown in {
        "product_added": "product_added", "product_wishlisted": "product_wishlisted",
        "stock_alert_requested": "stock_alert_requested", "checkout_started": "checkout_started",
        "profile_updated": "profile_updated", "consent_changed": "consent_changed",
    }.items():  # fmt: skip
        check(
            f"""
            2026-01-01 08:00  anon:x  {event}  -> lifecycle_changed to_stage=lead interest={shown}
            2026-01-01 08:01  anon:x  {event}
            2026-01-01 08:02  anon:x  product_viewed
            """,
            LIFE,
        )


def test_a_timeline_of_consent_that_is_refused_shows_no_interest() -> None:
    check(
        """
        2026-01-01 08:00  anon:x  consent_changed granted=false
        2026-01-01 08:01  anon:x  consent_changed granted=true  -> lifecycle_changed to_stage=lead
        """,
        LIFE,
    )


def test_a_timeline_of_many_views_or_visits_is_interest() -> None:
    check(
        """
        2026-01-01 08:00  anon:x  page_viewed
        2026-01-01 08:01  anon:x  product_viewed
        2026-01-01 08:02  anon:x  product_viewed
        2026-01-01 08:03  anon:x  product_viewed
        2026-01-01 08:04  anon:x  product_viewed  -> lifecycle_changed interest=views
        2026-01-01 08:05  anon:x  product_viewed
        2026-01-01 08:06  anon:y  page_viewed
        2026-01-02 08:00  anon:y  page_viewed
        2026-01-03 08:00  anon:y  page_viewed  -> lifecycle_changed interest=views
        """,
        LIFE,
    )


def test_a_timeline_of_a_customer_with_an_account_begins_as_a_lead() -> None:
    check(
        """
        2026-01-01 08:00  ann  page_viewed  -> lifecycle_changed from_stage=visitor to_stage=lead interest=customer_id
        2026-01-01 08:01  ann  page_viewed
        2026-01-01 08:02  bob  order_placed -> lifecycle_changed from_stage=visitor to_stage=new
        """,
        LIFE,
    )


def test_a_timeline_with_an_alert_is_at_risk_at_the_next_tick() -> None:
    check(
        """
        2026-01-01 08:30  ann  order_placed  -> lifecycle_changed to_stage=new
        2026-01-06 09:00  ann  -> churn_alert  (due between two ticks; below, at a tick)
        2026-01-06 10:00  ann  -> lifecycle_changed reason=alerted from_stage=new to_stage=at_risk
        2026-01-31 08:30  ann  (at risk already)
        2026-04-01 08:30  ann  -> lifecycle_changed reason=stayed_away to_stage=lapsed quiet_days=90
        """,
        LIFE,
        ALERT,
    )


def test_the_alert_stands_in_the_evidence_timeline() -> None:
    alert, stage = check(
        """
        2026-01-01 08:00  ann  order_placed  -> lifecycle_changed to_stage=new
        2026-01-06 08:00  ann  -> churn_alert
        2026-01-06 09:00  ann  -> lifecycle_changed reason=alerted
        """,
        LIFE,
        ALERT,
    )[1:]
    assert stage.evidence.events == (alert.id,)


def test_a_timeline_in_which_an_order_answers_the_alert_stays_as_it_was() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed  -> lifecycle_changed to_stage=new
        2026-01-06 08:00  ann  order_placed -> churn_alert; lifecycle_changed from_stage=new to_stage=active
        2026-01-08 08:00  ann  order_placed
        """,
        LIFE,
        ALERT,
    )


def test_a_timeline_of_late_orders_corrects_the_stage_and_no_more() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed  -> lifecycle_changed to_stage=new
        2026-01-20 09:30  ann  order_placed occurred_at=2026-01-10T08:00 \
            -> suppressed lifecycle_changed reason=late from_stage=new to_stage=active
        2026-02-19 08:00  ann  -> lifecycle_changed from_stage=active to_stage=at_risk
        2026-02-20 08:00  ann  order_placed occurred_at=2026-01-15T08:00  (older than the silence)
        2026-02-20 09:00  ann  order_placed occurred_at=2026-02-15T08:00 \
            -> suppressed lifecycle_changed from_stage=at_risk to_stage=active
        2026-03-17 08:00  ann  -> lifecycle_changed to_stage=at_risk quiet_days=30
        """,
        LIFE,
    )


def test_a_timeline_in_which_an_order_comes_before_the_tick_notes_the_silence() -> None:
    check(
        """
        2026-01-01 08:30  ann  order_placed  -> lifecycle_changed to_stage=new
        2026-01-25 08:00  clock stops
        2026-04-20 09:00  ann  order_placed \
            -> noted lifecycle_changed reason=grew_quiet from_stage=new to_stage=at_risk; \
               noted lifecycle_changed reason=stayed_away from_stage=at_risk to_stage=lapsed; \
               lifecycle_changed from_stage=lapsed to_stage=won_back
        2026-04-20 10:00  clock goes_on
        2026-04-20 11:00  ann
        """,
        LIFE,
    )


def test_a_timeline_at_the_very_second_of_silence_is_silence() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed  -> lifecycle_changed to_stage=new
        2026-01-31 07:59:59.999  ann
        2026-01-31 08:00  ann  -> lifecycle_changed to_stage=at_risk
        """,
        LIFE,
    )


def test_a_timeline_in_which_an_order_comes_at_the_very_second_before_the_tick() -> None:
    check(
        """
        2026-01-01 08:00:00.001  ann  order_placed  -> lifecycle_changed to_stage=new
        2026-01-01 08:00:01      bob  order_placed  -> lifecycle_changed to_stage=new
        2026-01-25 08:00         clock stops
        2026-01-31 08:00         ann  order_placed  -> lifecycle_changed from_stage=new to_stage=active
        2026-01-31 08:00:01      bob  order_placed \
            -> noted lifecycle_changed reason=grew_quiet; lifecycle_changed from_stage=at_risk to_stage=active
        """,
        LIFE,
    )


def test_a_timeline_of_repeated_orders_counts_them_once() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed order_id=o1  -> lifecycle_changed to_stage=new
        2026-01-02 08:00  ann  order_placed order_id=o1
        2026-01-03 08:00  ann  order_placed order_id=o2  -> lifecycle_changed to_stage=active
        """,
        LIFE,
    )


def imported(*facts: Event) -> list[Entry]:
    now = moment("2026-06-01")
    return [Entry(it.event, it.source, now) for it in journal(facts) if isinstance(it, Entry)]


def stage_of(partition: Partition, who: str = "ann") -> str:
    row = partition.row(who)
    trait = row and row.portrait.get("stage")
    return trait.value if trait else ""


def ordered(number: int, at: int) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"o{number}", customer_id="ann", occurred_at=at, order_id=f"o{number}",
        currency="EUR", products=(Item(product_id="tea", price_cents=500),),
    )  # fmt: skip


def test_imported_history_is_lived_in_silence_and_made_up_for_at_the_next_visit() -> None:
    began = moment("2025-01-01")
    partition = Partition(LIFE)
    history = [ordered(1, began), ordered(2, began + 5 * DAY), ordered(3, began + 200 * DAY)]
    assert partition.feed(imported(*history)) == []
    assert stage_of(partition) == "won_back"
    assert partition.facts(Tick(moment("2026-06-02")), begin=10) == []
    view = PageViewed(event_id="v", customer_id="ann", occurred_at=moment("2026-06-02"))
    made_up = partition.facts(view, begin=11)
    assert [(it.outcome, it.reason) for it in made_up] == [
        ("noted", "grew_quiet"), ("noted", "stayed_away"),
    ]  # fmt: skip
    assert stage_of(partition) == "lapsed"


@pytest.mark.parametrize("news", ["view", "order", "late"])
def test_a_row_that_is_older_than_the_agent_begins_at_what_it_shows(news: str) -> None:
    began, at = moment("2026-01-01"), moment("2026-01-10")
    partition = Partition()
    partition.facts(ordered(1, began), ordered(2, began + 5 * DAY), Tick(at))
    partition.engine = Partition(LIFE).engine
    facts: dict[str, Event] = {
        "view": PageViewed(event_id="v", customer_id="ann", occurred_at=at),
        "order": ordered(3, at),
        "late": ordered(3, began + DAY),
    }
    assert partition.facts(facts[news], begin=5) == []
    assert stage_of(partition) == "active"
    # From then on it lives like all others.
    (told,) = partition.facts(Tick(at + 30 * DAY), begin=6)
    assert told.reason == "grew_quiet"


def test_a_view_of_somebody_whose_stage_it_cannot_change_costs_a_look_at_the_trait() -> None:
    partition = Partition(LIFE)
    at = moment("2026-01-01")
    partition.facts(ordered(1, at))
    row = partition.row("ann")
    assert row
    row.memory["lifecycle"] = Raw(b"broken")  # Whoever reads it, fails.
    view = View("ann", at + HOUR, row, Shop(), {}, agent="lifecycle")
    event = ProductViewed(event_id="v", customer_id="ann", occurred_at=at + HOUR, product_id="tea")
    assert LIFE.on_event(event, view) == ()

"""Deferral: what is held back until the morning is asked about again, and always ends on record."""

import msgspec
import pytest
from partition import Partition, journal
from timeline import check
from voices import Alarm, Care, Chain, News, Offer, Tip, agreed

from agents.agent import Agent
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours
from schemas.clickstream import PageViewed
from schemas.decisions import decision_id
from schemas.event import Event
from schemas.instant import HOUR
from schemas.journal import Entry, Source, Tick
from schemas.profiles import ConsentChanged, ErasureRequested
from streams.simulated.story import moment

NIGHT = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
NIGHTS = agreed(quiet_hours=NIGHT, at_once="all")
EVENING, MORNING = moment("2026-01-20 22:00"), moment("2026-01-21 08:00:01")


def evening(url: str = "news") -> PageViewed:
    return PageViewed(event_id="e1", occurred_at=EVENING, customer_id="ann", url=url)


def test_what_comes_at_night_leaves_in_the_morning_with_its_cause_and_its_id() -> None:
    deferred, sent = check(
        """
        2026-01-20 22:00     ann  page_viewed url=news event_id=e1  -> deferred news \
            reason=quiet_hours until=2026-01-21T08:00 time_zone=UTC channel=push \
            decided_at=2026-01-20T22:00
        2026-01-21 08:00     ann
        2026-01-21 08:00:01  ann  -> news reason=heard cause=e1 channel=push \
            cause_at=2026-01-20T22:00 decided_at=2026-01-21T08:00:01
        """,
        News(),
        gate=NIGHTS,
    )

    assert sent.id == decision_id("news", "news", "ann", "e1") != deferred.id
    assert sent.payload == deferred.payload


def test_the_agent_is_asked_again_and_says_what_it_knows_by_then_or_nothing() -> None:
    check(
        """
        2026-01-20 22:00     ann  page_viewed url=news,offer  -> deferred news orders=0; \
            deferred offer orders=0
        2026-01-20 23:00     ann  order_placed
        2026-01-21 08:00:01  ann  -> suppressed offer reason=reason_gone orders=0; news orders=1
        """,
        News(), Offer(drops_after_order=True),
        gate=NIGHTS,
    )  # fmt: skip


def test_what_is_void_by_the_morning_is_not_sent() -> None:
    check(
        """
        2026-01-20 22:00:01  ann  page_viewed url=news,offer  -> deferred news; \
            deferred offer expires_at=2026-01-21T08:00:01
        2026-01-20 22:00:02  bob  page_viewed url=offer  \
            -> deferred offer expires_at=2026-01-21T08:00:02
        2026-01-21 08:00:01  ann  -> news; \
            suppressed offer reason=expired expires_at=2026-01-21T08:00:01
        2026-01-21 08:00:01  bob  -> offer expires_at=2026-01-21T08:00:02
        """,
        News(), Offer(valid_hours=10),
        gate=NIGHTS,
    )  # fmt: skip


def test_a_withdrawal_cancels_what_is_held_at_once_and_consent_does_not_bring_it_back() -> None:
    check(
        """
        2026-01-20 22:00     ann  page_viewed url=news,tip  -> deferred news; deferred tip
        2026-01-20 23:00     ann  consent_changed granted=false  \
            -> suppressed news reason=no_consent purpose=marketing
        2026-01-20 23:10     ann  consent_changed granted=true
        2026-01-21 08:00:01  ann                                 -> tip
        """,
        News(), Tip(),
        gate=NIGHTS,
    )  # fmt: skip


def test_a_withdrawal_that_is_older_than_the_consent_cancels_nothing() -> None:
    check(
        """
        2026-01-20 20:00     ann  consent_changed
        2026-01-20 22:00     ann  page_viewed url=news  -> deferred news
        2026-01-20 23:00     ann  consent_changed granted=false occurred_at=2026-01-20T19:00
        2026-01-21 08:00:01  ann                        -> news
        """,
        News(),
        gate=NIGHTS,
    )


def test_a_channel_that_is_lost_overnight_is_replaced_by_the_next() -> None:
    check(
        """
        2026-01-20 22:00     ann  page_viewed url=news  -> deferred news channel=push
        2026-01-20 22:00     bob  page_viewed url=news  -> deferred news channel=push
        2026-01-20 22:00     cem  page_viewed url=news  -> deferred news channel=push
        2026-01-20 23:00     ann  message_unsubscribed channel=push
        2026-01-20 23:00     bob  message_bounced channel=push
        2026-01-20 23:01     cem  message_bounced channel=push
        2026-01-20 23:02     cem  message_bounced channel=sms
        2026-01-21 08:00:01  ann                        -> news channel=sms
        2026-01-21 08:00:01  bob                        -> news channel=sms
        2026-01-21 08:00:01  cem  -> suppressed news reason=no_channel agreed_to='push, sms'
        """,
        News(channels=("push", "sms")),
        gate=NIGHTS,
    )


def test_leaving_the_last_channel_cancels_what_is_held() -> None:
    check(
        """
        2026-01-20 22:00     ann  page_viewed url=news              -> deferred news channel=sms
        2026-01-20 23:00     ann  message_unsubscribed channel=sms  -> suppressed news reason=no_consent
        2026-01-21 08:00:01  ann
        """,
        News(channels=("sms",)),
        gate=NIGHTS,
    )


def test_after_an_outage_what_is_held_leaves_when_the_clock_goes_on_if_it_is_day() -> None:
    check(
        """
        2026-01-20 22:00     ann    page_viewed url=news event_id=e1 \
            -> deferred news until=2026-01-21T08:00
        2026-01-20 22:01     clock  stops
        2026-01-21 23:00     clock  goes_on
        2026-01-21 23:00     ann    -> deferred news until=2026-01-22T08:00 cause=e1
        2026-01-22 07:00     clock  stops
        2026-01-22 15:00     clock  goes_on
        2026-01-22 15:00     ann    -> news cause=e1
        """,
        News(),
        gate=NIGHTS,
    )


def test_the_end_of_a_row_ends_what_it_holds_and_an_erasure_leaves_no_word_of_it() -> None:
    short = EngineSettings(retention_days=0.25)
    check(
        """
        2026-01-20 22:00     ann  page_viewed url=news,alarm  -> deferred news; alarm
        2026-01-20 22:00     bob  page_viewed url=news        -> deferred news
        2026-01-20 22:30     bob  erasure_requested
        2026-01-21 04:00     ann                              -> suppressed news reason=row_ended
        2026-01-21 08:00:01  ann
        """,
        News(), Alarm(),
        gate=NIGHTS, settings=short,
    )  # fmt: skip


def test_an_erasure_leaves_nothing_that_could_wake_anybody() -> None:
    shop = Partition(News(), gate=NIGHTS)

    shop.facts(evening())
    assert list(shop.state()["due"]) == ["ann"]
    shop.facts(
        ErasureRequested(event_id="e2", occurred_at=EVENING, customer_id="ann"), Tick(MORNING),
        begin=1,
    )  # fmt: skip

    assert (shop.state()["customers"], shop.state()["due"]) == ({}, {})


def overnight(
    *agents: Agent, then: tuple[Agent, ...], gate: Gate = NIGHTS
) -> list[tuple[str, str]]:
    """What becomes in the morning, under other settings, of what was held in the evening."""
    before, after = Partition(*agents, gate=gate), Partition(*then, gate=gate)
    after.table = before.table

    before.facts(evening("news,offer"))
    return [(it.kind, it.reason) for it in after.facts(Tick(MORNING))]


def test_what_an_agent_said_that_is_off_by_now_is_not_sent() -> None:
    assert overnight(News(), Offer(), then=(Offer(),)) == [
        ("news", "agent_is_off"),
        ("offer", "heard"),
    ]


def test_other_settings_judge_what_is_held_in_the_morning() -> None:
    internal = Offer(purpose="internal")

    assert overnight(Offer(), then=(internal,)) == [("offer", "heard")]
    assert overnight(Offer(), then=(Offer(),), gate=msgspec.structs.replace(NIGHTS, caps=())) == [
        ("offer", "heard")
    ]


@pytest.mark.parametrize("late", [1, 61])
def test_what_is_too_late_to_be_said_is_not_held_either(late: int) -> None:
    shop = Partition(News(), gate=NIGHTS)

    said = shop.facts(Tick(EVENING + late * 60_000), evening(), Tick(MORNING))

    assert [(it.outcome, it.reason) for it in said] == (
        [("suppressed", "late")] if late > 60 else [("deferred", "quiet_hours"), ("sent", "heard")]
    )


def test_history_that_is_imported_holds_nothing_and_says_nothing() -> None:
    shop = Partition(News(), Alarm(), gate=NIGHTS)
    entry = Entry(evening("news,alarm"), Source("raw", 0, 0, EVENING), imported_at=EVENING + HOUR)

    assert shop.feed([Tick(EVENING), entry, Tick(MORNING)]) == []
    row = shop.row("ann")
    assert row is not None
    assert (row.held, row.said, list(row.timers)) == ([], {}, ["row"])


def test_a_redelivered_event_is_held_once_and_sent_once() -> None:
    shop = Partition(News(), gate=NIGHTS)
    again: list[Event | Tick] = [
        evening(),
        evening(),
        Tick(MORNING),
        evening(),
        Tick(MORNING + HOUR),
    ]

    said = shop.feed(journal(again)) + shop.feed(journal(again))

    assert [it.outcome for it in said] == ["deferred", "sent"]


def test_withdrawal_in_imported_history_cancels_what_is_held() -> None:
    shop = Partition(News(), gate=NIGHTS)
    withdrawn = ConsentChanged(
        event_id="e2", occurred_at=EVENING, customer_id="ann", purpose="marketing", granted=False
    )
    entry = Entry(withdrawn, Source("raw", 0, 1, EVENING), imported_at=EVENING + HOUR)

    said = shop.facts(evening()) + shop.feed([entry, Tick(MORNING)])

    assert [(it.outcome, it.reason) for it in said] == [
        ("deferred", "quiet_hours"),
        ("suppressed", "no_consent"),
    ]


def test_what_leaves_in_the_morning_is_heard_of_then() -> None:
    check(
        """
        2026-01-20 22:00     ann  page_viewed url=news,care  -> deferred news; care; noted chain reason=heard_care
        2026-01-21 08:00:01  ann  -> news; noted chain reason=heard_news decided_at=2026-01-21T08:00:01
        2026-01-21 09:00:01  ann  -> chain cause_at=2026-01-21T09:00:01; noted chain reason=heard_chain
        """,
        News(), Care(), Chain(),
        gate=NIGHTS,
    )  # fmt: skip

"""Quiet hours in the engine: by the customer's own wall clock, and in the morning in a fair order."""

from collections.abc import Iterator
from typing import Any

import pytest
from partition import Partition
from timeline import check
from voices import Alarm, Care, News, Tip, agreed

from agents.gate.caps import Cap
from agents.gate.quiet_hours import QuietHours
from schemas.clickstream import PageViewed
from schemas.codec import encode_row
from schemas.event import Event
from schemas.instant import HOUR, MINUTE, SECOND
from schemas.journal import Tick
from schemas.profiles import ProfileUpdated
from streams.simulated.story import moment

NIGHT = QuietHours(begin="21:00", end="08:00", time_zone="Europe/Berlin")
NIGHTS = agreed(quiet_hours=NIGHT, at_once="all")

# The zone, what comes when, and when it may leave, in UTC.
EDGES = (
    ("Asia/Kolkata", "2026-01-20 15:30", "2026-01-21 02:30"),  # 21:00 and 08:00 at UTC+5:30.
    ("Asia/Kolkata", "2026-01-20 15:29:59.999", ""),
    ("Asia/Kathmandu", "2026-01-20 15:15", "2026-01-21 02:15"),  # UTC+5:45.
    ("America/St_Johns", "2026-01-21 00:30", "2026-01-21 11:30"),  # UTC-3:30.
    ("Pacific/Chatham", "2026-01-20 07:15", "2026-01-20 18:15"),  # UTC+13:45, in summer.
    ("Europe/Berlin", "2026-03-28 20:00", "2026-03-29 06:00"),  # The clocks go forward: 10 hours.
    ("Europe/Berlin", "2026-10-24 19:00", "2026-10-25 07:00"),  # And back: 12 hours.
    ("Australia/Lord_Howe", "2026-04-04 10:00", "2026-04-04 21:30"),  # Back by half an hour.
    ("America/New_York", "2026-03-08 02:00", "2026-03-08 12:00"),
    ("", "2026-01-20 20:00", "2026-01-21 07:00"),  # Nothing is known: as in the settings.
)


@pytest.mark.parametrize(("zone", "comes", "leaves"), EDGES)
def test_a_night_ends_at_eight_on_the_customer_s_wall(zone: str, comes: str, leaves: str) -> None:
    shop, at = Partition(News(), gate=NIGHTS), moment(comes)
    common: dict[str, Any] = {"occurred_at": at, "customer_id": "ann"}
    until = moment(leaves or comes)

    said = shop.facts(
        Tick(at),
        ProfileUpdated(event_id="e0", time_zone=zone or None, **common),
        PageViewed(event_id="e1", url="news", **common),
        *(Tick(it) for it in (at + HOUR, until - 1, until + SECOND)),
    )

    if not leaves:
        assert [(it.outcome, it.decided_at) for it in said] == [("sent", at)]
        return
    assert [(it.outcome, it.decided_at) for it in said] == [
        ("deferred", at),
        ("sent", until + SECOND),
    ]
    assert moment(str(said[0].gate["until"])) == until


def test_whoever_was_held_back_first_goes_first_within_the_first_second() -> None:
    customers = [f"c{number:02}" for number in range(20)]
    begin, morning = moment("2026-01-20 20:00"), moment("2026-01-21 07:00")
    shop = Partition(News(), gate=NIGHTS)

    def evening() -> Iterator[Event | Tick]:
        # In an order that is not that of the names.
        for number, name in enumerate(customers[::3] + customers[1::3] + customers[2::3]):
            at = begin + number * 30 * MINUTE
            yield Tick(at)
            yield PageViewed(event_id="e", occurred_at=at, customer_id=name, url="news")

    held = [it.customer_id for it in shop.facts(*evening())]
    ticks = [Tick(morning + it) for it in range(0, 1_001, 100)]
    sent = shop.facts(*ticks)

    assert [it.customer_id for it in sent] == held
    assert {it.outcome for it in sent} == {"sent"}
    # They are spread over the second, so that the first of them need not wait for the last.
    assert len({it.decided_at for it in sent}) > 5
    assert all(morning <= it.decided_at <= morning + SECOND for it in sent)


def test_where_the_settings_say_so_other_purposes_and_channels_wait_too_or_do_not() -> None:
    quiet = QuietHours(
        begin="21:00", end="08:00", time_zone="UTC", purposes=("marketing", "service"),
        channels=("push", "phone"),
    )  # fmt: skip
    check(
        """
        2026-01-20 22:00     ann  page_viewed url=news,tip,care,alarm  -> deferred news channel=push; \
            tip; deferred care channel=phone; alarm
        2026-01-20 22:00     bob  consent_changed channel=push granted=false
        2026-01-20 22:01     bob  page_viewed url=news                 -> news channel=email
        2026-01-21 08:00:01  ann                                       -> care; news
        """,
        News(), Tip(), Care(channels=("phone",)), Alarm(),
        gate=agreed(quiet_hours=quiet, at_once="all"),
    )  # fmt: skip


def test_an_agent_that_does_not_keep_them_speaks_at_night() -> None:
    check(
        "2026-01-20 22:00  ann  page_viewed url=news  -> news",
        News(keeps_quiet_hours=False),
        gate=NIGHTS,
    )


def test_a_customer_who_travels_is_left_in_peace_where_they_are() -> None:
    check(
        """
        2026-01-20 20:30     ann  page_viewed url=news  -> deferred news until=2026-01-21T07:00
        2026-01-21 06:00     ann  profile_updated time_zone=America/New_York
        2026-01-21 07:00:01  ann  -> deferred news until=2026-01-21T13:00 time_zone=America/New_York
        2026-01-21 13:00:01  ann                        -> news
        """,
        News(),
        gate=NIGHTS,
    )


def test_what_is_too_much_in_the_evening_is_not_kept_for_the_morning() -> None:
    check(
        """
        2026-01-20 19:00     ann  page_viewed url=news      -> news
        2026-01-20 22:00     ann  page_viewed url=news,tip  -> suppressed news reason=capped; deferred tip
        2026-01-21 07:00:01  ann                            -> tip
        """,
        News(), Tip(),
        gate=agreed(quiet_hours=NIGHT, at_once="all", caps=(Cap(sent_max=1, hours=12, per="kind"),)),
    )  # fmt: skip


def test_an_event_from_before_nine_that_arrives_at_night_waits_for_the_morning() -> None:
    shop = Partition(News(), gate=NIGHTS)
    late = moment("2026-01-20 19:50")
    view = PageViewed(event_id="e1", occurred_at=late, customer_id="ann", url="news")

    (deferred,) = shop.facts(Tick(late + 20 * MINUTE), view)

    assert (deferred.outcome, deferred.decided_at) == ("deferred", late)


def test_a_time_zone_that_only_a_newer_machine_knows_counts_as_unknown() -> None:
    shop = Partition(News(), gate=NIGHTS)
    evening = moment("2026-01-20 20:00")
    shop.facts(PageViewed(event_id="e1", occurred_at=evening - HOUR, customer_id="ann"))
    row = shop.row("ann")
    assert row is not None
    row.time_zone = "Europe/Atlantis"
    shop.state()["customers"]["ann"] = encode_row(row)

    view = PageViewed(event_id="e2", occurred_at=evening, customer_id="ann", url="news")
    (deferred,) = shop.facts(view, begin=1)

    assert deferred.gate["until"] == "2026-01-21T07:00:00.000Z"

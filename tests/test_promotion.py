"""Promotions: told at the second they begin, to those they are for, once; and once before the end."""

from datetime import datetime
from typing import Any

import pytest
from timeline import check
from voices import agreed

from agents.gate.quiet_hours import QuietHours
from agents.promotion import Planned, Promotion
from agents.roster import hire

MARCH = datetime.fromisoformat("2026-03-20T10:00:00+01:00")
LATER = datetime.fromisoformat("2026-03-22T10:00:00+01:00")


def spring(**more: Any) -> Planned:
    fields: dict[str, Any] = {"name": "spring", "starts_at": MARCH, "ends_at": LATER} | more
    return Planned(**fields)


def test_it_is_told_when_it_begins_and_once_before_it_ends_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-03-20 09:00  ann  -> promotion promotion=spring reason=has_begun hours_left=48 code=BLOSSOM
        2026-03-21 09:00  ann  -> promotion_ending promotion=spring reason=ends_soon hours_left=24
        2026-06-01 08:00  ann
        """,
        Promotion(planned=(spring(code="BLOSSOM"),)),
    )


def test_whoever_comes_while_it_is_on_hears_of_it_at_once_timeline() -> None:
    check(
        """
        2026-03-20 12:00  bob  profile_updated locale=de
        2026-03-20 13:00  bob  -> promotion
        2026-03-21 09:00  bob  -> promotion_ending
        2026-06-01 08:00  bob
        """,
        Promotion(planned=(spring(),)),
    )


def test_who_has_been_silent_for_months_is_reached_and_who_was_never_heard_of_is_not_timeline() -> (
    None
):
    check(
        """
        2025-05-01 08:00  ann  consent_changed
        2026-03-01 08:00  bob  page_viewed
        2026-03-20 09:00  ann  -> promotion
        2026-06-01 08:00  bob
        """,
        Promotion(planned=(spring(ending_hours=0),)),
    )


def test_the_audience_is_asked_at_the_start_and_again_before_the_end_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  profile_updated country=AT
        2026-01-20 08:00  bob  profile_updated country=FR
        2026-01-20 08:00  cat  profile_updated country=AT
        2026-03-20 09:00  ann  -> promotion
        2026-03-20 09:00  cat  -> promotion
        2026-03-20 10:00  cat  profile_updated country=FR
        2026-03-20 10:00  bob  profile_updated country=DE
        2026-03-21 09:00  ann  -> promotion_ending
        2026-03-21 09:00  bob  -> promotion_ending
        2026-06-01 08:00  ann
        """,
        Promotion(planned=(spring(audience={"country": ("AT", "DE")}),)),
    )


def test_two_at_once_are_told_one_after_the_other_and_the_next_year_is_another_timeline() -> None:
    twin = spring(name="garden", ending_hours=0)
    again = spring(
        name="spring-27", starts_at=MARCH.replace(year=2027), ends_at=LATER.replace(year=2027)
    )
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-03-20 09:00  ann  -> promotion promotion=spring
        2026-03-20 19:00  ann  -> promotion promotion=garden
        2026-03-21 09:00  ann  -> promotion_ending promotion=spring
        2027-03-20 09:00  ann  -> promotion promotion=spring-27
        2027-03-21 09:00  ann  -> promotion_ending promotion=spring-27
        2027-06-01 08:00  ann
        """,
        Promotion(planned=(spring(), twin, again), apart_hours=10),
    )


def test_what_waited_for_the_morning_is_dropped_when_it_is_over_by_then_timeline() -> None:
    night = spring(
        starts_at=datetime.fromisoformat("2026-03-20T23:00:00+00:00"),
        ends_at=datetime.fromisoformat("2026-03-21T02:00:00+00:00"), ending_hours=0,
    )  # fmt: skip
    check(
        """
        2026-01-20 08:00     ann  order_placed
        2026-03-20 23:00     ann  -> deferred promotion reason=quiet_hours
        2026-03-21 08:00:01  ann  -> suppressed promotion reason=reason_gone
        """,
        Promotion(planned=(night,)),
        gate=agreed(quiet_hours=QuietHours(begin="22:00", end="08:00", time_zone="UTC")),
    )


def test_a_short_one_ends_soon_from_its_middle_on() -> None:
    short = spring(ends_at=datetime.fromisoformat("2026-03-20T12:00:00+01:00"))
    start, ending = short.moments
    assert ending - start == 3_600_000
    assert [short.to_tell(it) for it in (start - 1, start, ending - 1, ending, ending + 3_600_000)] == [
        "", "promotion", "promotion", "promotion_ending", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("planned", "told"),
    [
        ([{"name": "a", "starts_at": LATER, "ends_at": MARCH}], r"a: ends_at is 2026-03-20T10:00"),
        ([{"name": "a", "starts_at": MARCH, "ends_at": LATER}] * 2, r"two promotions must not have"),
        ([{"name": "A b", "starts_at": MARCH, "ends_at": LATER}], r"planned\[0\].name: Expected"),
        ([{"name": "a", "starts_at": MARCH}], r"planned\[0\]: Object missing required field"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused_at_the_start(planned: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        hire({"promotion": {"planned": planned}})

"""Campaigns: they start and end at the second, and speak to their audience alone."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

import pytest
from partition import Partition
from timeline import check
from voices import News, agreed

from agents.agent import Act, Agent, Learn, View
from agents.gate.quiet_hours import QuietHours
from agents.roster import hire
from schemas.clickstream import PageViewed, ProductsSearched

DAY_ONE = datetime.fromisoformat("2026-01-20T09:00:00+01:00")
DAY_TWO = datetime.fromisoformat("2026-01-21T09:00:00+01:00")
SALE: Any = {"starts_at": DAY_ONE, "ends_at": DAY_TWO}


def test_a_campaign_starts_and_ends_at_the_second_timeline() -> None:
    check(
        """
        2026-01-20 07:59:59.999  ann  page_viewed url=news  -> suppressed news reason=not_started
        2026-01-20 08:00         bob  page_viewed url=news  -> news
        2026-01-21 07:59:59.999  cat  page_viewed url=news  -> news
        2026-01-21 08:00         dan  page_viewed url=news  -> suppressed news reason=ended
        """,
        News(**SALE),
    )


def test_what_waits_for_the_morning_does_not_leave_after_the_end_timeline() -> None:
    nights = agreed(quiet_hours=QuietHours(begin="22:00", end="09:00", time_zone="UTC"))
    check(
        """
        2026-01-20 23:00      ann  page_viewed url=news  -> deferred news reason=quiet_hours
        2026-01-21 09:00:01   ann                        -> suppressed news reason=ended
        """,
        News(**SALE),
        gate=nights,
    )


class Liking(Agent, frozen=True):
    """Learns what was searched for."""

    listens: ClassVar = (ProductsSearched,)
    learns: ClassVar = {"likes": str}

    def on_event(self, event: ProductsSearched, customer: View) -> Iterable[Act]:
        """Learn it."""
        yield Learn("likes", event.query)


def test_a_campaign_speaks_to_those_who_fit_its_whole_audience_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  profile_updated country=DE
        2026-01-20 08:01  ann  page_viewed url=news   -> suppressed news reason=not_in_audience \
            trait=likes
        2026-01-20 08:02  ann  products_searched query=tea
        2026-01-20 08:03  ann  page_viewed url=news   -> news
        2026-01-20 08:04  bob  products_searched query=tea
        2026-01-20 08:05  bob  page_viewed url=news   -> suppressed news reason=not_in_audience \
            trait=country
        2026-01-20 08:06  ann  products_searched query=milk
        2026-01-20 08:07  ann  page_viewed url=news   -> suppressed news reason=not_in_audience
        """,
        Liking(),
        News(audience={"likes": ("tea", "coffee"), "country": ("DE",)}),
    )


def test_what_the_shop_told_of_a_customer_is_a_trait_too() -> None:
    from schemas.profiles import ProfileUpdated

    shop = Partition(News(audience={"club": ("gold",)}))
    at = 1_768_896_000_000
    told = ProfileUpdated(event_id="1", occurred_at=at, customer_id="ann", traits={"club": "gold"})
    viewed = PageViewed(event_id="2", occurred_at=at, customer_id="ann", url="news")
    assert [it.outcome for it in shop.facts(told, viewed)] == ["sent"]


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"starts_at": DAY_TWO, "ends_at": DAY_ONE}, r"ends_at is 2026-01-20T09:00:00\+01:00"),
        ({"starts_at": datetime(2026, 1, 20)}, "timezone"),  # noqa: DTZ001 - that is the mistake
        ({"audience": {"class": "gold"}}, "Expected `array`, got `str`"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_at_the_start(
    section: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        hire({"abandoned_cart": section})

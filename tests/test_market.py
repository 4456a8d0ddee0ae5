"""Markets: an agent has other settings where the customer lives, and a campaign is one everywhere."""

from typing import Any

import pytest
from timeline import check
from voices import News, agreed

from agents.abandoned_cart import AbandonedCart
from agents.gate.quiet_hours import QuietHours
from agents.roster import hire
from state.customer import Customer


def test_an_agent_waits_longer_in_another_market_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  profile_updated country=JP locale=de-DE time_zone=Asia/Tokyo
        2026-01-20 08:00  bob  profile_updated locale=de-DE
        2026-01-20 08:01  ann  product_added product=tea:1x900
        2026-01-20 08:01  bob  product_added product=tea:1x900
        2026-01-20 09:01  bob  -> abandoned_cart locale=de-DE country=
        2026-01-20 10:01  ann  -> abandoned_cart country=JP time_zone=Asia/Tokyo locale=de-DE
        """,
        AbandonedCart(after_minutes=60, markets={"JP": {"after_minutes": 120}}),
    )


def test_what_the_gate_asks_of_an_agent_goes_by_market_too_timeline() -> None:
    nights = agreed(quiet_hours=QuietHours(begin="22:00", end="09:00", time_zone="UTC"))
    check(
        """
        2026-01-20 23:00      ann  profile_updated country=ES
        2026-01-20 23:01      ann  page_viewed url=news  -> news
        2026-01-20 23:02      bob  page_viewed url=news  -> deferred news
        # Whoever moves in the meantime is judged by where they live now.
        2026-01-20 23:03      bob  profile_updated country=ES
        2026-01-21 09:00:01   bob                        -> news
        """,
        News(markets={"ES": {"keeps_quiet_hours": False}}),
        gate=nights,
    )


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"JP": {"after_minuets": 5}}, r"agents.abandoned_cart.markets.JP: Object contains unknown"),
        ({"JP": {"after_minutes": "5"}}, r"markets.JP.after_minutes: Expected `float`, got `str`"),
        ({"JP": {"holdout_share": 0.1}}, r"markets.JP.holdout_share: a campaign has one"),
        (
            {"JP": {"starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"}},
            r"agents.abandoned_cart.markets.JP.ends_at is 2026-01-01T00:00:00\+00:00, and that is not",
        ),
        ({"Japan": {}}, r"agents.abandoned_cart.markets: Expected `str`"),
    ],
)  # fmt: skip
def test_a_variant_that_cannot_be_is_refused_at_the_start(
    section: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        hire({"abandoned_cart": {"markets": section}})


@pytest.mark.parametrize(
    ("country", "locale", "market"),
    [
        ("JP", "de-DE", "JP"), ("", "de-DE", "DE"), ("", "zh_Hant_TW", "TW"), ("", "de", ""),
        ("", "", ""), ("", "sr-Latn", ""),
    ],
)  # fmt: skip
def test_the_market_is_where_they_live(country: str, locale: str, market: str) -> None:
    assert Customer(country=country, locale=locale).market == market

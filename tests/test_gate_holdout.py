"""Holdout: a share of the customers is left out, always the same ones, and every time on record."""

from math import sqrt
from typing import Any

import pytest
from partition import Partition, journal
from timeline import check
from voices import Alarm, Care, Chain, News, Offer, Tip, agreed

from agents.agent import Agent
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from schemas.clickstream import PageViewed
from schemas.instant import DAY
from schemas.profiles import ErasureRequested
from state.exposure import ALL_CAMPAIGNS, CAMPAIGNS_MAX
from streams.simulated.story import moment

NOON = moment("2026-01-20 12:00")
NIGHT = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
CUSTOMERS = [f"c{number}" for number in range(10_000)]


def arms(holdout: Holdout, names: list[str] = CUSTOMERS, voice: Agent | None = None) -> set[str]:
    """Who is held out of news when everybody views a page."""
    shop = Partition(voice or News(), gate=agreed(holdout=holdout))
    said = shop.feed(journal(view(name, NOON) for name in names))
    return {it.customer_id for it in said if it.outcome == "held_out"}


def view(customer_id: str, at: int, url: str = "news") -> PageViewed:
    return PageViewed(event_id=f"e{at}", occurred_at=at, customer_id=customer_id, url=url)


def z_score(held_out: int, share: float) -> float:
    """How many standard deviations a share of all customers is from what was to be expected."""
    expected = share * len(CUSTOMERS)
    return (held_out - expected) / sqrt(expected * (1 - share))


@pytest.mark.parametrize("key", ["development", "a", "b", ""])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_the_share_of_those_who_are_drawn_is_within_its_binomial_bound(
    share: float, key: str
) -> None:
    holdout = Holdout(key=key)
    drawn = {it: {c for c in CUSTOMERS if holdout.draws(it, share, c)} for it in ("*", "news")}

    assert abs(z_score(len(drawn["*"]), share)) < 4
    assert abs(z_score(len(drawn["news"]), share)) < 4
    # Who is left out of one says nothing of who is left out of the other.
    assert abs(z_score(len(drawn["*"] & drawn["news"]), share * share)) < 4


def test_of_ten_thousand_customers_the_engine_holds_out_those_who_are_drawn() -> None:
    holdout = Holdout(share=0.05, over_all=0.02, key="k")

    held_out = arms(holdout)

    assert held_out == {
        it for it in CUSTOMERS if holdout.draws("*", 0.02, it) or holdout.draws("news", 0.05, it)
    }
    assert abs(z_score(len(held_out), 1 - 0.95 * 0.98)) < 4


def test_it_depends_on_the_key_the_campaign_and_the_first_id_and_on_nothing_else() -> None:
    some = CUSTOMERS[:1_000]

    def drawn(key: str = "k", share: float = 0.1, **more: Any) -> set[str]:
        return arms(Holdout(share=share, over_all=0, key=key), some, News(**more))

    first = drawn()

    assert drawn() == drawn(priority=3, pause_hours=9.0, campaign="news") == first
    assert first < drawn(share=0.2)
    for other in (drawn(key="l"), drawn(campaign="spring")):
        assert len(first & other) < 4 * 0.01 * len(some)


def test_who_was_counted_stays_in_their_arm_whatever_share_and_key_become() -> None:
    some, before = CUSTOMERS[:500], None
    fates: list[list[str]] = []
    for day, (key, share) in enumerate([("k", 0.1), ("k", 0.5), ("k", 0.01), ("other", 0.3)]):
        after = Partition(News(), gate=agreed(holdout=Holdout(share=share, over_all=0, key=key)))
        if before is not None:
            after.table = before.table
        views = (view(name, NOON + day * DAY) for name in some)
        fates.append([it.outcome for it in after.feed(journal(views, day * 1_000))])
        before = after

    assert set(fates[0]) == {"held_out", "sent"}
    assert fates[1:] == fates[:1] * 3


def test_a_customer_who_comes_back_after_an_erasure_is_in_the_same_arm() -> None:
    shop = Partition(News(), gate=agreed(holdout=Holdout(share=0.5, over_all=0)))
    names = CUSTOMERS[:50]

    def fates(day: int) -> list[str]:
        at = NOON + day * DAY
        return [
            it.outcome for it in shop.feed(journal((view(it, at) for it in names), day * 1_000))
        ]

    first = fates(0)
    shop.facts(
        *(ErasureRequested(event_id="gone", occurred_at=NOON, customer_id=it) for it in names),
        begin=500,
    )  # fmt: skip

    assert set(first) == {"held_out", "sent"}
    assert shop.state()["customers"] == {}
    assert fates(1) == first


#: Of this key's customers ann is held out of news, and bob of all campaigns.
SOME = Holdout(share=0.3, over_all=0.2, key="some-46")


def test_a_held_out_customer_is_told_nothing_of_the_campaign_and_that_is_on_record() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news   -> held_out news reason=held_out share=0.3 \
            campaign=news channel=push
        2026-01-20 08:01  ann  page_viewed url=offer  -> offer; noted chain reason=heard_offer
        2026-01-20 08:02  ann  page_viewed url=news   -> held_out news
        2026-01-20 08:03  bob  page_viewed url=offer  -> held_out offer reason=held_out_over_all share=0.2
        2026-01-20 08:04  bob  page_viewed url=news   -> held_out news reason=held_out_over_all
        2026-01-20 08:05  bob  page_viewed url=tip    -> held_out tip reason=held_out_over_all
        # What does not sell is not held out: nothing is to be measured there.
        2026-01-20 08:06  bob  page_viewed url=care   -> care; noted chain reason=heard_care
        2026-01-20 08:07  bob  page_viewed url=alarm  -> alarm; noted chain reason=heard_alarm
        """,
        News(), Offer(), Tip(), Care(), Alarm(), Chain(),
        gate=agreed(holdout=SOME),
    )  # fmt: skip


def test_whoever_would_not_have_been_told_is_not_counted_as_held_out() -> None:
    shop = Partition(News(pause_hours=1), gate=Gate(holdout=SOME))

    (said,) = shop.facts(view("ann", NOON))

    assert (said.outcome, said.reason) == ("suppressed", "no_consent")
    assert not [it for it in shop.state()["counters"] if it.startswith("effect")]


def test_the_pause_is_the_same_for_those_who_are_held_out() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news  -> held_out news
        2026-01-20 09:00  ann  page_viewed url=news  -> suppressed news reason=paused
        2026-01-20 10:00  ann  page_viewed url=news  -> held_out news
        """,
        News(pause_hours=2),
        gate=agreed(holdout=SOME),
    )


def test_a_trigger_that_was_held_back_is_held_out_in_the_morning() -> None:
    check(
        """
        2026-01-20 22:00     ann  page_viewed url=news event_id=e1  -> deferred news
        2026-01-21 08:00:01  ann                                    -> held_out news cause=e1
        """,
        News(),
        gate=agreed(holdout=SOME, quiet_hours=NIGHT),
    )


def test_a_campaign_of_several_agents_holds_the_same_customers_out_of_all_of_them() -> None:
    shop = Partition(
        News(campaign="spring"), Offer(campaign="spring"),
        gate=agreed(at_once="all", holdout=Holdout(share=0.5, over_all=0)),
    )  # fmt: skip

    said = shop.feed(journal(view(name, NOON, "news,offer") for name in CUSTOMERS[:200]))

    outcomes: dict[str, set[str]] = {}
    for it in said:
        outcomes.setdefault(it.customer_id, set()).add(it.outcome)
    assert {len(it) for it in outcomes.values()} == {1}
    assert len(set.union(*outcomes.values())) == 2


def test_a_row_full_of_campaigns_lets_the_oldest_go_and_never_the_one_over_all() -> None:
    holdout = Holdout(share=0.01, over_all=0.01, key="k")
    shop = Partition(News(), gate=agreed(holdout=holdout))
    for number in range(CAMPAIGNS_MAX + 3):
        after = Partition(News(campaign=f"season-{number}"), gate=agreed(holdout=holdout))
        after.table = shop.table
        after.facts(view("ann", NOON + number * DAY), begin=number)

    row = shop.row("ann")
    assert row is not None
    assert list(row.exposures) == [
        ALL_CAMPAIGNS,
        *(f"season-{it}" for it in range(4, CAMPAIGNS_MAX + 3)),
    ]

"""All rules at once: a weekend in which every one of them has its say, and none forgets another."""

from partition import Partition
from timeline import check
from voices import Alarm, Care, Chain, News, Offer, Tip, agreed

from agents.gate.caps import Cap
from agents.gate.gate import Exclusion
from agents.gate.quiet_hours import QuietHours
from schemas.clickstream import PageViewed
from schemas.instant import DAY, HOUR, MINUTE
from schemas.journal import Tick
from streams.simulated.story import moment

WEEKEND = agreed(
    at_once="merge",
    distance_hours=1,
    caps=(Cap(sent_max=2, hours=24), Cap(sent_max=1, hours=48, per="channel", channels=("push",))),
    exclusions=(Exclusion(after="care", hours=72, until_closed=True),),
    quiet_hours=QuietHours(begin="21:00", end="08:00", time_zone="UTC"),
    channels=("push", "email", "sms"),
)
COUPON = Offer(priority=1, gives_cents=400, budget_cents={"EUR": 1_000}, budget_days=7)


def test_a_weekend_on_which_the_clocks_go_forward() -> None:
    check(
        """
        2026-03-28 18:00     ann  profile_updated time_zone=Europe/Berlin
        2026-03-28 18:30     ann  page_viewed url=news,offer  -> offer channel=push; merged news channel=push
        2026-03-28 18:45     ann  page_viewed url=tip         -> suppressed tip reason=too_soon
        2026-03-28 20:30     ann  page_viewed url=tip event_id=tip1  \
            -> deferred tip channel=email until=2026-03-29T06:00
        2026-03-28 21:00     ann  page_viewed url=care,news   -> care; suppressed news reason=excluded
        2026-03-29 06:00:01  ann  -> suppressed tip reason=excluded cause=tip1 after=care
        2026-03-29 07:00     ann  case_closed
        2026-03-29 07:30     ann  page_viewed url=tip         -> tip channel=email
        2026-03-29 08:30     ann  page_viewed url=news        -> suppressed news reason=capped per=customer
        2026-03-29 08:31     ann  message_bounced channel=email
        2026-03-29 18:29     ann  page_viewed url=offer       -> suppressed offer reason=capped
        2026-03-29 18:30     ann  page_viewed url=offer,tip   -> offer channel=sms; merged tip channel=sms
        2026-03-29 18:59     ann  page_viewed url=news  -> suppressed news reason=too_soon refused_before=0
        # By summer time it is nine in the evening; push is free again, and gone in the morning.
        2026-03-30 19:30     ann  page_viewed url=news  -> deferred news channel=push until=2026-03-31T06:00
        2026-03-30 23:00     ann  consent_changed granted=false channel=push
        2026-03-31 06:00:01  ann                        -> news channel=sms refused_before=0
        """,
        Tip(), News(), COUPON, Care(priority=9), Alarm(),
        gate=WEEKEND,
    )  # fmt: skip


def test_in_the_morning_every_rule_is_asked_again_of_all_that_is_held() -> None:
    check(
        """
        2026-01-20 18:00     ann  page_viewed url=x
        2026-01-20 22:10     ann  page_viewed url=tip    -> deferred tip
        2026-01-20 22:20     ann  page_viewed url=offer  -> deferred offer
        2026-01-20 22:30     ann  page_viewed url=news   -> deferred news
        2026-01-20 22:40     bob  page_viewed url=offer  -> deferred offer
        2026-01-20 22:50     cem  page_viewed url=offer  -> deferred offer
        2026-01-20 22:55     dee  page_viewed url=offer  -> deferred offer
        2026-01-20 23:00     cem  consent_changed granted=false  -> suppressed offer reason=no_consent
        2026-01-20 23:01     cem  consent_changed granted=true
        2026-01-21 00:00     eve  page_viewed url=offer  -> deferred offer
        2026-01-21 08:00:01  ann  -> offer channel=push; merged tip; merged news
        2026-01-21 08:00:01  bob  -> offer
        2026-01-21 08:00:01  dee  -> suppressed offer reason=over_budget spent_cents=800
        2026-01-21 08:00:01  eve  -> suppressed offer reason=over_budget
        2026-01-21 08:30     ann  page_viewed url=news   -> suppressed news reason=too_soon
        """,
        Tip(), News(), COUPON,
        gate=WEEKEND,
    )  # fmt: skip


def test_what_is_outranked_by_day_and_comes_due_at_night_waits_for_the_morning_too() -> None:
    check(
        """
        2026-01-20 16:00     ann  page_viewed url=news,offer event_id=e1  -> offer; \
            deferred news reason=outranked until=2026-01-20T22:00; noted chain reason=heard_offer
        2026-01-20 22:00     ann  -> deferred news reason=quiet_hours until=2026-01-21T08:00 cause=e1
        2026-01-21 08:00     ann
        2026-01-21 08:00:01  ann  -> news cause=e1; noted chain reason=heard_news
        2026-01-21 09:00:01  ann  -> chain; noted chain reason=heard_chain
        """,
        News(), Offer(priority=1), Chain(),
        gate=agreed(at_once="defer", defer_hours=6, quiet_hours=WEEKEND.quiet_hours),
    )  # fmt: skip


def test_a_clock_that_goes_back_lets_nothing_out_and_nothing_twice() -> None:
    shop, evening = Partition(News(), gate=WEEKEND), moment("2026-01-20 22:00")
    morning = moment("2026-01-21 08:00")

    def view(event_id: str, at: int) -> PageViewed:
        return PageViewed(event_id=event_id, occurred_at=at, customer_id="ann", url="news")

    said = shop.facts(
        Tick(evening), view("e1", evening), Tick(morning + MINUTE), Tick(evening + HOUR),
        Tick(morning + MINUTE), view("e2", morning), Tick(evening), Tick(morning + DAY),
    )  # fmt: skip

    assert [(it.cause, it.outcome, it.reason) for it in said] == [
        ("e1", "deferred", "quiet_hours"),
        ("e1", "sent", "heard"),
        ("e2", "suppressed", "too_soon"),
    ]

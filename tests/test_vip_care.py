"""VIP care: the complaint of a high-value customer, once, whatever it is that makes them one."""

from collections.abc import Iterable
from typing import ClassVar

from msgspec.structs import replace
from partition import Partition
from timeline import check

from agents.agent import Act, Agent, Learn, View
from agents.gate.gate import Gate
from agents.service_recovery import ServiceRecovery
from agents.vip_care import COMPLAINTS_MAX, TEXT_MAX, VipCare
from schemas.clickstream import PageViewed
from schemas.profiles import ProfileUpdated
from schemas.reviews import QuestionAsked
from streams.simulated.story import moment

VIP = VipCare(spend_cents_min=10_000, classes=("high_value",), tiers=("gold",))


class Classifier(Agent, frozen=True):
    """Learns what the url says, as ``class:frequent``; with a third word it fades in a day."""

    listens: ClassVar = (PageViewed,)
    learns: ClassVar = {"class": str, "tier": str}

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Learn it."""
        trait, value, *fades = event.url.split(":")
        yield Learn(trait, value, half_life_days=len(fades))


def test_a_timeline_of_a_big_spender_s_complaint_calls_for_care_with_what_it_rests_on() -> None:
    (told,) = check(
        """
        2026-01-05 08:00  ann  order_placed products=sofa:1x9999
        2026-01-06 08:00  ann  question_asked about=complaint  (a cent is missing)
        2026-01-07 08:00  ann  order_placed products=mug:1x1
        2026-01-20 08:00  ann  question_asked about=question
        2026-01-20 08:10  ann  question_asked question_id=q1 about=complaint product_id=sofa \
            text="A leg broke." order_id=o1 event_id=asked \
            -> vip_care reason=complaint question_id=q1 review_id=none product_id=sofa rating=none \
               order_id=o1 text="A leg broke." valued_for=spend spent_cents=10000 currency=EUR \
               orders=2 customer_class="" tier="" events=asked
        """,
        VIP,
    )
    assert told.evidence.values == {"spend_cents": 10_000, "class": "", "tier": ""}
    assert told.evidence.thresholds == {
        "spend_cents_min": 10_000,
        "classes": "high_value",
        "tiers": "gold",
    }


def test_a_timeline_of_a_bad_review_calls_too_and_a_better_one_does_not() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed products=sofa:1x10000
        2026-01-06 08:00  ann  review_posted review_id=r1 rating=3
        2026-01-07 08:00  ann  review_posted review_id=r2 rating=2 \
            -> vip_care reason=bad_review review_id=r2 question_id=none rating=2
        2026-01-08 08:00  ann  review_edited review_id=r1 rating=1 \
            -> vip_care review_id=r1
        """,
        VIP,
    )


def test_a_timeline_of_a_customer_like_any_other_is_silent() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed products=mug:1x1000
        2026-01-05 08:00  ann  page_viewed url=class:frequent
        2026-01-05 08:01  ann  page_viewed url=tier:silver
        2026-01-06 08:00  ann  question_asked about=complaint
        2026-01-06 08:01  ann  review_posted rating=1
        """,
        Classifier(),
        VIP,
    )


def test_a_timeline_of_a_learned_class_or_tier_is_enough_until_it_has_faded() -> None:
    check(
        """
        2026-01-05 08:00  ann  page_viewed url=class:high_value:fades
        2026-01-05 08:00  bob  page_viewed url=tier:gold
        2026-01-05 09:00  ann  question_asked about=complaint \
            -> vip_care valued_for=class customer_class=high_value tier="" class=high_value
        2026-01-05 09:00  bob  question_asked about=complaint \
            -> vip_care valued_for=tier tier=gold customer_class=""
        2026-01-15 09:00  ann  question_asked about=complaint
        2026-01-15 09:00  bob  question_asked about=complaint  -> vip_care
        """,
        Classifier(),
        VIP,
    )


def test_a_timeline_names_all_that_makes_them_one() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed products=sofa:1x10000
        2026-01-05 08:01  ann  page_viewed url=class:high_value
        2026-01-05 08:02  ann  page_viewed url=tier:gold
        2026-01-05 09:00  ann  review_posted rating=1  -> vip_care valued_for=spend,class,tier
        """,
        Classifier(),
        VIP,
    )


def test_a_tier_that_the_shop_has_told_counts_as_well() -> None:
    at = moment("2026-01-05 08:00")
    told = ProfileUpdated(event_id="e1", customer_id="ann", occurred_at=at, traits={"tier": "gold"})
    complaint = QuestionAsked(
        event_id="e2", customer_id="ann", occurred_at=at + 1, question_id="q", text="?",
        about="complaint",
    )  # fmt: skip
    assert [it.kind for it in Partition(VIP).facts(told, complaint)] == ["vip_care"]


def test_a_timeline_of_one_complaint_is_told_once_however_often_it_comes() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed products=sofa:1x10000
        2026-01-06 08:00  ann  question_asked question_id=7 about=complaint event_id=x -> vip_care
        2026-01-06 08:01  ann  question_asked question_id=7 about=complaint event_id=x
        2026-01-06 08:02  ann  question_asked question_id=7 about=complaint
        2026-01-06 08:03  ann  review_posted review_id=7 rating=1  -> vip_care review_id=7
        2026-01-06 08:04  ann  review_edited review_id=7 rating=2
        2026-01-06 08:05  ann  review_edited review_id=7 rating=5
        2026-01-06 08:06  ann  review_edited review_id=7 rating=1
        """,
        VIP,
    )


def test_a_timeline_of_a_question_that_becomes_a_complaint_calls_then() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed products=sofa:1x10000
        2026-01-06 08:00  ann  question_asked question_id=q1
        2026-01-06 09:00  ann  question_asked question_id=q1 about=complaint  -> vip_care
        """,
        VIP,
    )


def test_a_timeline_in_which_spend_falls_out_of_the_year() -> None:
    check(
        """
        2025-01-05 08:00  ann    order_placed products=sofa:1x10000
        2025-01-05 09:00  clock  stops
        2025-12-20 08:00  ann    question_asked about=complaint  -> vip_care spent_cents=10000
        2026-03-10 08:00  ann    question_asked about=complaint  (a year and a bucket later)
        2026-03-10 09:00  clock  goes_on
        """,
        VIP,
    )


def test_a_timeline_of_a_complaint_before_the_spending_is_not_told_of_later() -> None:
    check(
        """
        2026-01-05 08:00  ann  question_asked about=complaint
        2026-01-06 08:00  ann  order_placed products=sofa:1x10000
        2026-01-08 08:00  ann
        """,
        VIP,
    )


def test_a_timeline_of_a_complaint_that_arrives_days_late_is_on_record_alone() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed products=sofa:1x10000
        2026-01-09 08:00  ann  question_asked about=complaint occurred_at=2026-01-06 \
            -> suppressed vip_care reason=late
        2026-01-09 08:01  ann  question_asked about=complaint occurred_at=2026-01-09T07:30 \
            -> vip_care
        """,
        VIP,
    )


def test_a_timeline_needs_no_consent_and_stands_before_what_others_say() -> None:
    check(
        """
        2026-01-05 08:00  ann  consent_changed purpose=service granted=false
        2026-01-05 08:00  ann  order_placed products=sofa:1x10000
        2026-01-06 08:00  ann  review_posted rating=1 \
            -> vip_care ; suppressed service_recovery reason=no_consent
        """,
        ServiceRecovery(priority=40),
        VIP,
        gate=Gate(),
    )


def test_a_timeline_with_more_complaints_than_are_kept_and_longer_texts_is_bounded() -> None:
    rows = "\n".join(
        f"2026-01-06 08:{it:02}  ann  question_asked question_id=q{it} about=complaint"
        f" text={'x' * 2 * TEXT_MAX} -> vip_care text={'x' * TEXT_MAX}"
        for it in range(COMPLAINTS_MAX + 1)
    )
    check(
        f"""
        2026-01-05 08:00  ann  order_placed products=sofa:1x10000
        {rows}
        2026-01-06 09:00  ann  question_asked question_id=q1 about=complaint
        2026-01-06 09:01  ann  question_asked question_id=q0 about=complaint  -> vip_care (forgotten)
        """,
        VIP,
    )


def test_nothing_is_remembered_of_others() -> None:
    partition = Partition(replace(VIP, spend_cents_min=1))
    at = moment("2026-01-05 08:00")
    partition.facts(
        QuestionAsked(
            event_id="e", customer_id="ann", occurred_at=at, question_id="q", text="?",
            about="complaint",
        )
    )  # fmt: skip
    row = partition.row("ann")
    assert row is not None
    assert row.memory == {}

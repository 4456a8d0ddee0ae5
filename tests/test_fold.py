"""The fold: visits, the cart and what customers say; what comes late undoes nothing."""

from datetime import date
from typing import Any

import pytest
from folded import added, at, event, folded, placed, removed

from schemas import clickstream as click
from schemas import profiles as profile
from schemas import reviews as review
from schemas.event import Event
from schemas.instant import DAY
from state import window
from state.customer import CART_MAX, EVENT_IDS_MAX, SESSION_GAP, Customer, Ratings
from state.fold import ID_BYTES, is_repeat

# Visits


@pytest.mark.parametrize(("gap", "visits"), [(0, 1), (SESSION_GAP, 1), (SESSION_GAP + 1, 2)])
def test_a_visit_ends_after_half_an_hour_without_an_event(gap: int, visits: int) -> None:
    row = folded(*(event(click.PageViewed, at("20 08:00") + after) for after in (0, gap)))
    assert row.session.count == visits
    assert row.session.views == 3 - visits


def test_a_late_view_counts_in_its_window_and_reopens_no_visit() -> None:
    row = folded(event(click.PageViewed, "20 08:00"), event(click.PageViewed, "18 08:00"))
    assert window.total(row.views, at("20 08:00"), 7 * DAY) == (2, 0)
    assert row.session.count == 1
    assert row.session.started_at == at("20 08:00")
    assert (row.first_seen_at, row.last_seen_at) == (at("18 08:00"), at("20 08:00"))


def test_a_late_view_of_the_same_visit_moves_its_beginning() -> None:
    row = folded(event(click.PageViewed, "20 08:00"), event(click.PageViewed, "20 07:45"))
    assert (row.session.started_at, row.session.last_at) == (at("20 07:45"), at("20 08:00"))


def test_reading_a_message_is_no_visit() -> None:
    opened = event(profile.MessageOpened, "20 08:00", message_id="m", channel="email")
    assert folded(opened).session.count == 0


# The cart


def test_the_cart_is_what_was_put_in_less_what_was_taken_out() -> None:
    row = folded(
        added("20 08:00", "tea", 3), added("20 08:01", "pot"), removed("20 08:02", "tea", 2)
    )
    assert {it: line.quantity for it, line in row.cart.items()} == {"tea": 1, "pot": 1}
    assert row.cart_cents == 600
    assert row.cart_changed_at == at("20 08:02")


def test_taking_out_the_last_one_takes_out_the_line() -> None:
    assert folded(added("20 08:00"), removed("20 08:01", "tea", 5)).cart == {}


def test_a_cart_that_is_too_full_lets_go_what_was_put_in_first() -> None:
    puts = [added(f"20 08:{minute:02}", f"p{minute}") for minute in range(CART_MAX + 1)]
    by_time = [f"p{minute}" for minute in range(1, CART_MAX + 1)]
    assert list(folded(*puts).cart) == by_time
    # The same where the first comes last: it must not push out a later one.
    assert sorted(folded(*puts[1:], puts[0]).cart) == sorted(by_time)


def test_an_order_empties_the_cart() -> None:
    row = folded(added("20 08:00"), placed("20 08:30"))
    assert (row.cart, row.cart_changed_at) == ({}, 0)


def test_a_cart_that_is_seen_after_its_order_stays_empty() -> None:
    row = folded(placed("20 08:30"), added("20 08:00"), added("20 08:30"))
    assert (row.cart, row.cart_changed_at) == ({}, 0)


def test_an_order_that_comes_late_leaves_what_was_put_in_after_it() -> None:
    row = folded(added("20 08:00", "tea"), added("20 09:00", "pot"), placed("20 08:30"))
    assert list(row.cart) == ["pot"]


def test_a_removal_that_comes_late_takes_nothing_out_of_the_next_cart() -> None:
    row = folded(placed("20 08:30"), added("20 09:00"), removed("20 08:10"))
    assert row.cart["tea"].quantity == 1
    assert row.cart_changed_at == at("20 09:00")


# What customers say


def ratings(*events: Event) -> Ratings:
    row = folded(*events)
    assert row.ratings is not None
    return row.ratings


def reviewed(kind: type[review.Review], when: str, rating: int, review_id: str = "r") -> Event:
    return event(kind, when, review_id=review_id, product_id="tea", rating=rating)


def test_an_edited_review_corrects_the_stars_and_counts_once() -> None:
    kept = ratings(
        reviewed(review.ReviewPosted, "20 08:00", 5), reviewed(review.ReviewEdited, "21 08:00", 1)
    )
    assert (kept.count, kept.stars, kept.last) == (1, 1, 1)


def test_an_edit_that_comes_late_does_not_undo_the_one_after_it() -> None:
    kept = ratings(
        reviewed(review.ReviewPosted, "20 08:00", 5),
        reviewed(review.ReviewEdited, "22 08:00", 1),
        reviewed(review.ReviewEdited, "21 08:00", 3),
    )
    assert (kept.stars, kept.last) == (1, 1)


def test_a_review_that_comes_late_counts_and_is_not_the_last() -> None:
    kept = ratings(
        reviewed(review.ReviewPosted, "20 08:00", 5, "new"),
        reviewed(review.ReviewPosted, "19 08:00", 1, "old"),
    )
    assert (kept.count, kept.stars, kept.last_review_id) == (2, 6, "new")


def test_an_edit_of_a_review_that_we_do_not_know_changes_nothing() -> None:
    assert folded(reviewed(review.ReviewEdited, "21 08:00", 1)).ratings is None


def test_what_a_profile_leaves_out_stays_as_it_was() -> None:
    row = folded(
        event(
            profile.ProfileUpdated, "20 08:00", birthday=date(1990, 2, 28), traits={"club": "gold"}
        ),
        event(profile.ProfileUpdated, "21 08:00", locale="de", traits={"shoe": "42"}),
    )
    assert (row.birthday, row.locale) == (date(1990, 2, 28), "de")
    assert row.traits == {"club": "gold", "shoe": "42"}


def test_what_automation_reports_back_is_counted_by_channel() -> None:
    kinds = (
        *(profile.MessageSent,) * 3, profile.MessageOpened, profile.MessageClicked,
        *(profile.MessageBounced,) * 2, profile.MessageUnsubscribed,
    )  # fmt: skip
    row = folded(*(event(it, "20 08:00", message_id="m", channel="email") for it in kinds))
    email = row.responses["email"]
    assert (email.sent, email.opened, email.clicked, email.bounced) == (3, 1, 1, 2)
    assert email.unsubscribed
    assert list(row.responses) == ["email"]


def delivered(day: str, **fields: Any) -> Event:
    kind = profile.TriggerUndelivered if "reason" in fields else profile.TriggerDelivered
    return kind(
        event_id=f"{day}-{kind.__name__}", customer_id="ann", occurred_at=at(day), trigger_id="t",
        kind="churn_alert", target="mailer", attempts=1, **fields,
    )  # fmt: skip


def test_what_the_webhook_sink_reports_is_counted_and_the_newest_one_is_kept() -> None:
    row = folded(
        delivered("20 08:00"), delivered("22 08:00", reason="refused"), delivered("21 08:00")
    )
    assert row.deliveries is not None
    assert (row.deliveries.delivered, row.deliveries.undelivered) == (2, 1)
    assert (row.deliveries.last_target, row.deliveries.last_failure) == ("mailer", "refused")


def test_what_we_did_ourselves_is_no_sign_of_life() -> None:
    seen = event(profile.ConsentChanged, "20 08:00", purpose="marketing", granted=True)
    row = folded(seen, delivered("25 08:00"))
    assert row.last_seen_at == seen.occurred_at
    assert folded(delivered("25 08:00")).last_seen_at == 0


# Retries


def test_a_retry_is_known_while_few_other_events_came_in_between() -> None:
    row = Customer()
    assert not is_repeat(row, "first")
    for number in range(EVENT_IDS_MAX - 1):
        assert not is_repeat(row, f"e{number}")
    assert is_repeat(row, "first")
    assert not is_repeat(row, "one more")
    assert not is_repeat(row, "first")
    assert len(row.event_ids) == ID_BYTES * EVENT_IDS_MAX


def test_a_match_across_two_ids_is_chance_and_no_retry() -> None:
    row = Customer()
    is_repeat(row, "one")
    half = ID_BYTES // 2
    row.event_ids = b"\0" * half + row.event_ids + b"\0" * half
    assert not is_repeat(row, "one")


def test_a_late_profile_only_fills_in_what_is_not_known() -> None:
    new = event(profile.ProfileUpdated, "21 08:00", locale="de", traits={"size": "M"})
    old = event(
        profile.ProfileUpdated, "20 08:00", locale="en", time_zone="Asia/Tokyo",
        traits={"size": "S", "shoe": "41"},
    )  # fmt: skip
    for events in ((new, old), (old, new)):
        row = folded(*events)
        assert (row.locale, row.time_zone) == ("de", "Asia/Tokyo")
        assert row.traits == {"size": "M", "shoe": "41"}

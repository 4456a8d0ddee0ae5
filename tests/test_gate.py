"""The gate: nothing goes out without consent or within a pause, and each refusal is on record."""

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct
from timeline import check

from agents.agent import Act, Agent, Say, View
from agents.gate.gate import Gate
from schemas.clickstream import PageViewed


class Heard(Struct, frozen=True):
    """What was heard."""

    url: str = ""


class Echo(Agent, frozen=True):
    """Says what it hears."""

    listens: ClassVar = (PageViewed,)
    says: ClassVar = {"echo": Heard}
    pause_hours: float = 0.0

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Say it."""
        yield Say(reason="heard", payload=Heard(event.url))


def test_a_purpose_that_nobody_consented_to_is_refused_unless_it_is_assumed() -> None:
    history = """
        2026-01-20 08:00  ann  page_viewed  -> {}
    """
    service = Echo(purpose="service")
    refused = "suppressed echo reason=no_consent"

    check(history.format(refused), Echo(), gate=Gate(assume_consent=("service",)))
    check(history.format("echo"), service, gate=Gate(assume_consent=("service",)))
    check(history.format("echo"), Echo(purpose="internal"), gate=Gate())
    check(history.format(refused), service, gate=Gate())


def test_consent_is_for_the_purpose_that_it_names() -> None:
    check(
        """
        2026-01-20 08:00  ann  consent_changed purpose=personalisation
        2026-01-20 08:01  ann  page_viewed  -> suppressed echo reason=no_consent
        2026-01-20 08:02  ann  consent_changed purpose=marketing channel=sms
        2026-01-20 08:03  ann  page_viewed  -> echo
        2026-01-20 08:04  ann  consent_changed purpose=marketing channel=sms granted=false
        2026-01-20 08:05  ann  page_viewed  -> suppressed echo reason=no_consent
        """,
        Echo(),
        gate=Gate(),
    )


def test_a_withdrawal_beats_consent_that_is_assumed() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed  -> echo
        2026-01-20 08:01  ann  consent_changed purpose=marketing granted=false
        2026-01-20 08:02  ann  page_viewed  -> suppressed echo reason=no_consent
        """,
        Echo(),
        gate=Gate(assume_consent=("marketing",)),
    )


def test_a_consent_that_comes_late_does_not_undo_the_withdrawal_after_it() -> None:
    check(
        """
        2026-01-20 08:00  ann  consent_changed granted=false
        2026-01-20 08:01  ann  consent_changed granted=true occurred_at=2026-01-19
        2026-01-20 08:02  ann  page_viewed  -> suppressed echo reason=no_consent
        2026-01-20 08:03  ann  consent_changed granted=true
        2026-01-20 08:04  ann  page_viewed  -> echo
        """,
        Echo(),
        gate=Gate(),
    )


def test_one_trigger_of_a_kind_passes_in_the_pause() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed  -> echo
        2026-01-20 08:00  bob  page_viewed  -> echo
        2026-01-20 09:59  ann  page_viewed  -> suppressed echo reason=paused
        2026-01-20 10:00  ann  page_viewed  -> echo
        """,
        Echo(pause_hours=2),
    )


def test_the_same_refusal_is_one_record_and_then_a_count() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed  -> suppressed echo reason=no_consent refused_before=0
        2026-01-20 08:01  ann  page_viewed
        2026-01-20 08:02  ann  page_viewed
        # Another reason: a record again, which tells how many there were of the last one.
        2026-01-20 08:03  ann  page_viewed occurred_at=2026-01-20T07:00 \
            -> suppressed echo reason=late refused_before=2
        2026-01-20 08:04  ann  page_viewed occurred_at=2026-01-20T07:01
        2026-01-20 08:05  ann  consent_changed
        2026-01-20 08:06  ann  page_viewed  -> echo refused_before=1
        2026-01-20 08:07  ann  page_viewed  -> echo refused_before=0
        """,
        Echo(),
        gate=Gate(),
    )


def test_kinds_are_paused_for_themselves() -> None:
    class Two(Echo, frozen=True):
        """Says one kind or the other."""

        says: ClassVar = {"one": Heard, "other": Heard}
        pause_hours: float = 24.0

        def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
            """Say the kind that the url names."""
            yield Say(reason="heard", payload=Heard(event.url), kind=event.url)

    check(
        """
        2026-01-20 08:00  ann  page_viewed url=one    -> one
        2026-01-20 08:01  ann  page_viewed url=other  -> other
        2026-01-20 08:02  ann  page_viewed url=one    -> suppressed one reason=paused
        """,
        Two(),
    )


def test_without_a_pause_what_comes_out_of_order_may_go_out_too() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed occurred_at=2026-01-20T08:04  -> echo
        2026-01-20 08:01  ann  page_viewed occurred_at=2026-01-20T08:02  -> echo
        """,
        Echo(),
    )


def test_in_a_pause_what_is_older_than_the_last_one_is_refused_too() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed occurred_at=2026-01-20T08:04  -> echo
        2026-01-20 08:01  ann  page_viewed occurred_at=2026-01-20T08:02 \
            -> suppressed echo reason=paused
        """,
        Echo(pause_hours=0.01),
    )

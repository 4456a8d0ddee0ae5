"""Channels: only what was agreed to and works, best the one that the customer answers on."""

import pytest
from partition import NOBODY
from timeline import check
from voices import Alarm, Care, News, Offer, Tip, agreed

from agents.gate.caps import Cap
from agents.gate.gate import Gate

ASKED = Gate(holdout=NOBODY, channels=("push", "email", "sms"))
TAKEN_AS_GIVEN = agreed(channels=("push", "email", "sms"), at_once="all")


def test_the_first_channel_that_was_agreed_to_is_taken() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news                     -> suppressed news reason=no_consent
        2026-01-20 08:01  ann  consent_changed channel=sms
        2026-01-20 08:02  ann  page_viewed url=news                     -> news channel=sms
        2026-01-20 08:03  ann  consent_changed channel=email
        2026-01-20 08:04  ann  page_viewed url=news                     -> news channel=email
        2026-01-20 08:05  ann  consent_changed
        2026-01-20 08:06  ann  page_viewed url=news                     -> news channel=push
        2026-01-20 08:07  ann  consent_changed channel=push granted=false
        2026-01-20 08:08  ann  page_viewed url=news                     -> news channel=email
        # A channel that does not come into question is no consent.
        2026-01-20 08:09  bob  consent_changed channel=post
        2026-01-20 08:10  bob  page_viewed url=news                     -> suppressed news reason=no_consent
        """,
        News(),
        gate=ASKED,
    )


def test_consent_to_one_purpose_opens_no_channel_for_another() -> None:
    check(
        """
        2026-01-20 08:01  ann  consent_changed channel=sms
        2026-01-20 08:02  ann  consent_changed channel=email purpose=personalisation
        2026-01-20 08:03  ann  page_viewed url=news,tip,care,alarm -> news channel=sms; tip channel=email; \
            suppressed care reason=no_consent purpose=service; alarm channel=
        """,
        News(), Tip(), Care(), Alarm(),
        gate=Gate(holdout=NOBODY, channels=("push", "email", "sms"), at_once="all"),
    )  # fmt: skip


def test_an_agent_has_its_own_channels_in_its_own_order() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news,offer              -> news channel=post; offer channel=push
        2026-01-20 08:01  ann  consent_changed channel=post granted=false
        2026-01-20 08:02  ann  page_viewed url=news                    -> news channel=phone
        2026-01-20 08:03  ann  consent_changed channel=phone granted=false
        2026-01-20 08:04  ann  page_viewed url=news,offer  \
            -> suppressed news reason=no_consent; offer channel=push
        """,
        News(channels=("post", "phone")), Offer(),
        gate=TAKEN_AS_GIVEN,
    )  # fmt: skip


def test_the_channel_that_the_customer_answers_on_comes_first() -> None:
    check(
        """
        2026-01-20 08:00  ann  message_sent channel=push
        2026-01-20 08:01  ann  page_viewed url=news        -> news channel=email
        2026-01-20 08:02  ann  message_sent channel=sms
        2026-01-20 08:03  ann  message_opened channel=sms
        2026-01-20 08:04  ann  page_viewed url=news        -> news channel=sms
        # An opened and a clicked message are one answer.
        2026-01-20 08:05  ann  message_clicked channel=sms
        2026-01-20 08:06  ann  message_sent channel=push
        2026-01-20 08:07  ann  message_opened channel=push
        2026-01-20 08:08  ann  message_opened channel=push
        2026-01-20 08:09  ann  page_viewed url=news        -> news channel=push
        """,
        News(),
        gate=TAKEN_AS_GIVEN,
    )


def test_a_bounce_for_good_takes_a_channel_away_until_something_says_that_it_works() -> None:
    check(
        """
        2026-01-20 08:00  ann  message_bounced channel=push permanent=false
        2026-01-20 08:01  ann  page_viewed url=news        -> news channel=push
        2026-01-20 08:02  ann  message_bounced channel=push
        2026-01-20 08:03  ann  page_viewed url=news,care   -> news channel=email; care channel=email
        2026-01-20 08:04  ann  message_opened channel=push occurred_at=2026-01-20T08:01
        2026-01-20 08:05  ann  page_viewed url=news        -> news channel=email
        2026-01-20 08:06  ann  message_opened channel=push
        2026-01-20 08:07  ann  page_viewed url=news        -> news channel=push
        2026-01-20 08:08  ann  message_bounced channel=push
        2026-01-20 08:09  ann  page_viewed url=news        -> news channel=email
        2026-01-20 08:10  ann  consent_changed channel=push
        2026-01-20 08:11  ann  page_viewed url=news        -> news channel=push
        """,
        News(), Care(),
        gate=TAKEN_AS_GIVEN,
    )  # fmt: skip


def test_whoever_leaves_a_channel_is_left_alone_there_but_for_what_the_contract_asks() -> None:
    check(
        """
        2026-01-20 08:00  ann  message_unsubscribed channel=push
        2026-01-20 08:01  ann  page_viewed url=news,tip,care \
            -> news channel=email; tip channel=email; care channel=push
        2026-01-20 08:02  ann  message_opened channel=push
        2026-01-20 08:03  ann  page_viewed url=news,tip    -> news channel=email; tip channel=email
        # Each purpose is agreed to for itself.
        2026-01-20 08:04  ann  consent_changed channel=push
        2026-01-20 08:05  ann  page_viewed url=news,tip    -> news channel=push; tip channel=email
        """,
        News(), Tip(), Care(),
        gate=TAKEN_AS_GIVEN,
    )  # fmt: skip


@pytest.mark.parametrize("news", ["message_bounced", "message_unsubscribed"])
def test_a_report_that_comes_late_is_set_against_the_consent_that_came_after_it(news: str) -> None:
    check(
        f"""
        2026-01-20 08:00  ann  consent_changed channel=sms
        2026-01-20 08:01  ann  {news} channel=sms occurred_at=2026-01-19T08:00
        2026-01-20 08:02  ann  page_viewed url=news        -> news channel=sms
        """,
        News(),
        gate=ASKED,
    )


def test_where_no_channel_works_the_record_says_which_were_agreed_to() -> None:
    check(
        """
        2026-01-20 08:00  ann  consent_changed channel=sms
        2026-01-20 08:01  ann  consent_changed channel=email
        2026-01-20 08:02  ann  message_bounced channel=sms
        2026-01-20 08:03  ann  message_bounced channel=email
        2026-01-20 08:04  ann  page_viewed url=news  -> suppressed news reason=no_channel \
            agreed_to='email, sms'
        2026-01-20 08:05  ann  page_viewed url=news
        """,
        News(),
        gate=ASKED,
    )


def test_a_channel_that_has_had_enough_is_left_for_the_next_and_not_for_one_that_is_away() -> None:
    check(
        """
        2026-01-20 08:00  ann  message_bounced channel=email
        2026-01-20 08:01  ann  page_viewed url=news  -> news channel=push
        2026-01-20 08:02  ann  page_viewed url=news  -> news channel=sms
        2026-01-20 08:03  ann  page_viewed url=news  -> suppressed news reason=capped per=channel sent_max=1
        2026-01-20 09:01  ann  page_viewed url=news  -> news channel=push
        """,
        News(),
        gate=agreed(
            channels=("push", "email", "sms"), caps=(Cap(sent_max=1, hours=1, per="channel"),)
        ),
    )

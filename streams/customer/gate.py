"""What has the gate left in a row? What was said lately, what waits, and what came back.

Moments are RFC 3339 here, None for never. Money is in minor units of the currency.
"""

from typing import get_args

from msgspec import Struct

from agents.gate.channels import is_away
from schemas.instant import to_text, to_text_if_ever
from schemas.profiles import Purpose
from state.customer import Customer, Said
from state.exposure import ALL_CAMPAIGNS, Exposures
from state.held import Held
from streams.amounts import money, plural


class Told(Struct, frozen=True):
    """What was decided last about a kind of trigger. refused: how often again since then.

    held_out: how often it was not sent because the customer is held out; sent_at counts that too.
    """

    kind: str
    sent: int
    sent_at: str | None
    refusal: str
    refused: int
    held_out: int


class Touched(Struct, frozen=True):
    """A trigger that left, or would have, were the customer not held out. channel: or empty."""

    at: str
    kind: str
    channel: str


class Waiting(Struct, frozen=True, kw_only=True):
    """A trigger that waits. why: what the gate said; reason: what the agent said.

    until: the first moment at which it may leave. hands_out_cents: in ``currency``, or nothing.
    """

    agent: str
    kind: str
    cause: str
    held_at: str
    until: str
    why: str
    reason: str
    expires_at: str | None
    hands_out_cents: int | None
    currency: str | None


class Counted(Struct, frozen=True):
    """What a customer did since a campaign reached them, or would have; ``*``: all campaigns.

    arm: ``sent`` or ``held_out``. money: net, by currency.
    """

    campaign: str
    arm: str
    since: str
    visited: bool
    orders: int
    money: dict[str, int]


class Reported(Struct, frozen=True):
    """What automation reported of its messages on one channel, of all triggers together.

    away_for: the purposes for which the channel can't be used, as messages bounced or they left it.
    """

    sent: int
    opened: int
    clicked: int
    bounced: int
    unsubscribed: bool
    bounced_at: str | None
    responded_at: str | None
    unsubscribed_at: str | None
    away_for: list[str] = []


class Deliveries(Struct, frozen=True):
    """What became of this customer's triggers at the targets of the webhook sink."""

    delivered: int
    undelivered: int
    last_at: str | None
    last_target: str
    last_failure: str


def told(kind: str, said: Said) -> Told:
    """What was decided last about a kind."""
    return Told(
        kind, said.sent, to_text_if_ever(said.sent_at), said.refusal, said.refused, said.held_out
    )


def touched(row: Customer) -> list[Touched]:
    """What was said lately, the newest first."""
    newest_first = sorted(row.touches, key=lambda it: -it.at)
    return [Touched(to_text(it.at), it.kind, it.channel) for it in newest_first]


def waiting(held: Held) -> Waiting:
    """One that waits."""
    money = held.hands_out
    return Waiting(
        agent=held.agent,
        kind=held.kind,
        cause=held.cause,
        held_at=to_text(held.held_at),
        until=to_text(held.until),
        why=held.why,
        reason=held.reason,
        expires_at=None if held.expires_at is None else to_text(held.expires_at),
        hands_out_cents=None if money is None else money.cents,
        currency=None if money is None else money.currency,
    )


def counted(exposures: Exposures, campaign: str = "") -> list[Counted]:
    """What came of one campaign and of all together; without one, of each."""
    return [
        Counted(name, it.arm, to_text(it.at), it.visited, it.orders, it.money)
        for name, it in sorted(exposures.items())
        if not campaign or name in (campaign, ALL_CAMPAIGNS)
    ]


def reported(row: Customer) -> dict[str, Reported]:
    """What came back, by channel."""
    return {
        channel: Reported(
            it.sent, it.opened, it.clicked, it.bounced, it.unsubscribed,
            to_text_if_ever(it.bounced_at), to_text_if_ever(it.responded_at),
            to_text_if_ever(it.unsubscribed_at),
            [purpose for purpose in get_args(Purpose) if is_away(row, purpose, channel)],
        )
        for channel, it in row.responses.items()
    }  # fmt: skip


def delivered(row: Customer) -> Deliveries | None:
    """What the webhook sink reported; None where it never did."""
    it = row.deliveries
    if it is None:
        return None
    return Deliveries(
        it.delivered, it.undelivered, to_text_if_ever(it.last_at), it.last_target, it.last_failure
    )


def on_channel(channel: str, it: Reported) -> str:
    """What was reported on a channel, on one line.

    >>> on_channel("sms", Reported(2, 1, 0, 0, False, None, None, None))
    'sms: sent 2, opened 1, clicked 0, bounced 0'
    """
    told = f"sent {it.sent}, opened {it.opened}, clicked {it.clicked}, bounced {it.bounced}"
    return f"{channel}: {told}{', unsubscribed' if it.unsubscribed else ''}"


def did(it: Counted) -> str:
    """What a customer did since then, in words.

    >>> did(Counted("*", "sent", "", True, 2, {"EUR": 3000}))
    'has visited since: 2 orders, 30.00 EUR'
    """
    if not it.visited:
        return "has not come since"
    paid = [money(cents, currency) for currency, cents in it.money.items()]
    return f"has visited since: {', '.join([plural(it.orders, 'order'), *paid])}"

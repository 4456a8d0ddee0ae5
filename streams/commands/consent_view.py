"""Has a customer agreed to a channel, or was it assumed? By the words that a row has of them.

The law: what was only assumed is never called agreed to, for somebody may take it as proof. A
decision does not keep its purpose, so each purpose that was agreed to is named.
"""

from typing import get_args

from schemas.profiles import Purpose
from state.consent import ALL_CHANNELS, Consent, granted_at
from streams.commands.figures import listed, moment

ASSUMED = "assumed to be agreed to (`assume_consent`)"


def agreed(channel: str, consent: Consent | None) -> str:
    """What is known of the consent to a channel; None where there is no row.

    >>> agreed("sms", {"marketing": {"*": 1768896000000}})
    'agreed to (marketing, since 2026-01-20 08:00:00 UTC)'
    >>> agreed("sms", {"marketing": {"email": 1768896000000}})
    'assumed to be agreed to (`assume_consent`), for the row has no word of theirs about it'
    >>> agreed("sms", {"marketing": {"sms": -1768896000000}})
    'agreed to or assumed to be then, and not agreed to any more'
    >>> agreed("sms", None)
    'agreed to, or assumed to be (`assume_consent`)'
    """
    if consent is None:
        return "agreed to, or assumed to be (`assume_consent`)"
    since = {it: granted_at(consent, it, channel) for it in get_args(Purpose)}
    if told := [f"{purpose}, since {moment(at)}" for purpose, at in since.items() if at]:
        return f"agreed to ({listed(told)})"
    if any(channel in said or ALL_CHANNELS in said for said in consent.values()):
        return "agreed to or assumed to be then, and not agreed to any more"
    return f"{ASSUMED}, for the row has no word of theirs about it"

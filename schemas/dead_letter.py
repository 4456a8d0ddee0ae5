"""Why was a raw record not accepted, and what must its publisher do about it?

A dead letter is the original bytes under the original key, with headers that say where they came
from and what to fix. Nothing is dropped. A trigger that no webhook took is one as well.
"""

import re
from typing import Literal

from msgspec import DecodeError, Struct, ValidationError

Reason = Literal[
    "empty",
    "too_large",
    "not_json",
    "unknown_type",
    "missing_field",
    "invalid_field",
    "no_customer",
    "zone_missing",
    "from_the_future",
    "tick_not_allowed",
]
#: What ingest cannot know: whether a rate was published.
RateReason = Literal["rate_missing", "amount_too_large"]
#: No publisher's mistake: somebody else has written to the journal.
JournalReason = Literal["journal_not_readable"]
#: No publisher's mistake either: a trigger that the webhook sink could not hand over.
WebhookReason = Literal["webhook_refused", "webhook_failed", "trigger_not_readable"]
AnyReason = Literal[Reason, RateReason, JournalReason, WebhookReason]

TOPIC = "dead-letters"
#: The header of a raw record that was a dead letter, with the reason.
REQUEUED_FOR = "requeued_for"

_HINTS: dict[AnyReason, str] = {
    "empty": "The record has no value. Publish a JSON object.",
    "too_large": "Publish less: leave out long texts, or split the event.",
    "not_json": "The value must be one JSON object in UTF-8.",
    "unknown_type": "Check the field `type`, and that the event is on the right topic.",
    "missing_field": "Add the field.",
    "invalid_field": "Correct the field at the path given.",
    "no_customer": "Set customer_id, or anonymous_id for a visitor who is not known.",
    "zone_missing": "Write moments with a zone (…Z or …+08:00) or as epoch milliseconds.",
    "from_the_future": "Check the publisher's clock, or the unit: epoch milliseconds are wanted.",
    "rate_missing": "Publish the rate as `rate_published`, then `ebbtide dead-letters requeue`.",
    "amount_too_large": "Correct the amount, or the rate of its date, then publish it again.",
    "journal_not_readable": "Only Ebbtide writes to the journal: find out who else does.",
    "webhook_refused": "Mend the receiver or its url, then `ebbtide dead-letters redeliver`.",
    "webhook_failed": "Mend the receiver, then `ebbtide dead-letters redeliver`.",
    "trigger_not_readable": "Only Ebbtide writes to trigger topics: find out who else does.",
    "tick_not_allowed": "Ticks come from Ebbtide, unless the setting clock is `feed`.",
}

# How errors read, msgspec's and those of our own structs; the first that matches counts. Held
# against the beginning, because further on an error may quote what was published.
_SIGNS: tuple[tuple[str, Reason], ...] = (
    (r"Expected `object`, got `\w+`$", "not_json"),
    (r"customer_id or anonymous_id is required", "no_customer"),
    (r"Expected `datetime` with a timezone component", "zone_missing"),
    (r"Object missing required field `type`|Invalid value .* - at `\$\.type`$", "unknown_type"),
    (r"Object missing required field", "missing_field"),
)


class Refusal(Struct, frozen=True):
    """Why a raw record is a dead letter. detail: what was found, with its path in the record."""

    reason: AnyReason
    detail: str

    @property
    def hint(self) -> str:
        """What the publisher should do, or the operator."""
        return _HINTS[self.reason]


def refusal_of(error: Exception) -> Refusal:
    """Name the reason behind msgspec's error.

    >>> refusal_of(ValidationError("Object missing required field `event_id`")).reason
    'missing_field'
    """
    text = str(error)
    if not isinstance(error, ValidationError):
        # DecodeError proper is malformed JSON; UnicodeDecodeError is text that is not UTF-8.
        if not isinstance(error, DecodeError | UnicodeDecodeError | RecursionError):
            raise TypeError("that is not an error of decoding") from error
        return Refusal("not_json", text or type(error).__name__)
    found = (reason for sign, reason in _SIGNS if re.match(sign, text, re.DOTALL))
    return Refusal(next(found, "invalid_field"), text)

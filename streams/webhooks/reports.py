"""What do we say about a trigger that is dealt with? An event about it, and perhaps a dead letter.

Reports are events on ``profiles``, so that the customer's row knows what came of what was decided.
Their ids follow from target and trigger: said twice after a crash, they count once.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from schemas import dead_letter
from schemas.codec import encode_json
from schemas.dead_letter import Refusal, WebhookReason
from schemas.profiles import Failure, TriggerDelivered, TriggerReport, TriggerUndelivered
from streams.dead_letters import dead_letter_of
from streams.producer import DeliveryError, Outbound, Producer
from streams.webhooks.courier import Outcome
from streams.webhooks.parcel import Parcel, Source

log = structlog.get_logger()

REPORTS = "profiles"
_AGAIN_S = 2.0
# What somebody may want to send again. An expired trigger is no accident.
_LETTERS: dict[Failure, WebhookReason] = {"refused": "webhook_refused", "failed": "webhook_failed"}


def report_of(target: str, parcel: Parcel, outcome: Outcome, at: int) -> TriggerReport:
    """The event that tells of an outcome. at: wall time, epoch milliseconds."""
    known: dict[str, Any] = {
        "occurred_at": at, "trigger_id": parcel.id, "kind": parcel.kind, "target": target,
        "attempts": outcome.attempts, **parcel.whose(),
    }  # fmt: skip
    if outcome.failure:
        event_id = f"webhook/{target}/{parcel.id}/undelivered"
        return TriggerUndelivered(event_id=event_id, reason=outcome.failure, **known)
    return TriggerDelivered(event_id=delivered_id(target, parcel.id), **known)


def delivered_id(target: str, trigger_id: str) -> str:
    """The id of the event that tells that a target has taken a trigger."""
    return f"webhook/{target}/{trigger_id}/delivered"


def records_of(target: str, parcel: Parcel, outcome: Outcome, at: int) -> list[Outbound]:
    """The report as a record, and the dead letter where there is one."""
    report = report_of(target, parcel, outcome, at)
    records = [Outbound(REPORTS, encode_json(report), parcel.customer_id.encode())]
    if outcome.failure in _LETTERS:
        refusal = Refusal(_LETTERS[outcome.failure], f"{target}: {outcome.detail}")
        more = [("target", target), ("attempts", str(outcome.attempts))]
        records.insert(0, letter_of(parcel.source, refusal, more))
    return records


def letter_of(source: Source, refusal: Refusal, more: Sequence[tuple[str, str]] = ()) -> Outbound:
    """A dead letter that keeps the record's own headers too: they are part of a trigger."""
    letter = dead_letter_of(source.place, source, refusal)
    own = [*more, *source.headers.items()]
    headers = [*(letter.headers or ()), *((name, text.encode()) for name, text in own)]
    return Outbound(dead_letter.TOPIC, letter.value, letter.key, headers)


async def send_for_good(producer: Producer, records: Sequence[Outbound]) -> None:
    """Return when Kafka has acknowledged them; tried until it does."""
    while True:
        try:
            await producer.send(records)
        except DeliveryError as error:
            log.warning("not_reported", error=str(error))
            await asyncio.sleep(_AGAIN_S)
        else:
            return

"""What do the ledgers of all partitions teach? A model, as it goes into the journal.

It is asked for where the leader trains (``trainer.py``) and where a history is played through
memory (``streams/replay.py``). Nothing here need give the same twice: what is decided depends on
the record that comes of it, and that stands in the log.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Raw, Struct

from agents.agent import Agent
from schemas.codec import encode_json
from schemas.instant import HOUR, to_text
from schemas.journal import ModelEntry
from state.ledger import ledgers_of
from state.model import Fitted, Models, model_key
from state.table import Loaded, Needs

#: A model stands in a record of the journal, of which Kafka takes a megabyte, and is loaded with
#: the batches. They are meant to have tens of KB.
BODY_BYTES_MAX = 200_000


class FitError(Exception):
    """What an agent's ``fit`` answers is no model that could take effect."""


class Made(Struct, frozen=True):
    """A model that was made, and of what. ledgers: of so many partitions, with so many bytes."""

    entry: ModelEntry
    ledgers: int
    ledger_bytes: int


def learners(agents: Iterable[Agent]) -> list[Agent]:
    """Those of the agents that decide by a model."""
    return [it for it in agents if it.model is not None]


def needs_of(agent: Agent) -> Needs:
    """What a fit reads of each partition."""
    return Needs(ledgers=[agent.name, model_key(agent.name)])


def is_due(at: int, before: int | None, every_hours: float) -> bool:
    """Whether a moment of the log is in another stretch of so many hours (UTC) than one before.

    >>> is_due(25 * HOUR, 23 * HOUR, 24), is_due(47 * HOUR, 25 * HOUR, 24)
    (True, False)
    """
    width = round(every_hours * HOUR)
    return before is None or at // width > before // width


def fit(agent: Agent, loaded: Sequence[Loaded], at: int) -> Made | None:
    """A model of what all partitions had at ``at`` or later; None where there is not enough yet.

    Raises FitError, RowError, or whatever the agent raises.
    """
    before = in_effect(agent, loaded)
    if before is not None and before.made_at >= at:
        return None  # It knows as much already.
    rows = [row for it in loaded if (row := it.ledgers.get(agent.name)) is not None]
    ledgers = ledgers_of(loaded, agent.name, agent.keeps)
    model = agent.fit(ledgers, None if before is None else before.model, at)
    if model is None:
        return None
    return Made(entry_of(agent.name, _body(agent, model), at), len(rows), sum(map(len, rows)))


def in_effect(agent: Agent, loaded: Iterable[Loaded]) -> Fitted[Any] | None:
    """The newest model that any of the partitions decides by. Raises RowError."""
    if agent.model is None:
        return None
    found = [Models(it.ledgers).read(agent.name, agent.model) for it in loaded]
    return max((it for it in found if it is not None), key=lambda it: it.made_at, default=None)


def entry_of(agent: str, body: bytes, at: int) -> ModelEntry:
    """The record by which a model takes effect. Its version: the day, and a hash of the body."""
    version = f"{to_text(at)[:10]}.{blake2b(body, digest_size=3).hexdigest()}"
    return ModelEntry(agent, version, at, Raw(body))


def _body(agent: Agent, model: Struct) -> bytes:
    if agent.model is None or not isinstance(model, agent.model):
        wanted = agent.model.__name__ if agent.model else "None"
        raise FitError(f"fit answers a {type(model).__name__}: a {wanted} is wanted")
    body = encode_json(model)
    if len(body) > BODY_BYTES_MAX:
        raise FitError(f"the model has {len(body)} bytes: {BODY_BYTES_MAX} are allowed")
    try:
        msgspec.json.decode(body, type=agent.model)
    except msgspec.MsgspecError as error:
        # NaN is null in JSON, and no number.
        raise FitError(f"the model cannot be read again: {error}") from error
    return body

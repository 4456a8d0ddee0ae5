"""What becomes of an agent's acts? Timers, memory, traits and ledgers change; wishes are collected.

The law: only here does an agent's answer change anything, and what it wants to say waits until all
have been asked.
"""

from collections.abc import Sequence

from msgspec import Raw

from agents.agent import (
    Act,
    Agent,
    Await,
    CancelTimer,
    Enter,
    Learn,
    Note,
    Remember,
    Say,
    SetTimer,
    StopAwaiting,
    View,
)
from agents.engine.batch import Batch
from agents.engine.cause import Cause
from agents.engine.speech import Speech, Wish
from agents.engine.written import NO_PAYLOAD
from schemas.decisions import Evidence
from schemas.instant import DAY
from state.customer import TIMERS_MAX, Customer, RowError
from state.portrait import Trait, learn

#: What an agent answers, each act with what it lays down as bytes.
Acts = Sequence[tuple[Act, Raw]]


def do(
    batch: Batch, speech: Speech, agent: Agent, acts: Acts, view: View, cause: Cause,
    wishes: list[Wish],
) -> None:  # fmt: skip
    """Do what an agent asks for; what it wants to say is added to ``wishes``."""
    row = view.row
    for act, body in acts:
        # By its very type, the frequent ones first: matching classes one by one takes 1 µs.
        kind = type(act)
        if kind is Enter:
            _enter(batch, speech, agent, act, view, cause)  # type: ignore[arg-type]
        elif kind is Remember:
            _remember(row, agent, act, body)  # type: ignore[arg-type]
        elif kind is SetTimer:
            _set_timer(batch, speech, agent, act, view, cause)  # type: ignore[arg-type]
        elif kind is Learn:
            learn(row.portrait, act.trait, _trait(act, view.at))  # type: ignore[union-attr, arg-type]
        elif kind is Say:
            if not cause.silent:
                wishes.append(Wish(agent, act, body, cause))  # type: ignore[arg-type]
        else:
            _do_rarer(batch, speech, agent, act, body, view, cause)


def _do_rarer(
    batch: Batch, speech: Speech, agent: Agent, act: Act, body: Raw, view: View, cause: Cause
) -> None:
    match act:
        case CancelTimer():
            batch.drop_timer(view.id, view.row, agent.timer_key(act.name))
        case Note():
            speech.note(batch, agent, act, body, view, cause)
        case Await() | StopAwaiting():
            wait = batch.wait_for if isinstance(act, Await) else batch.wait_no_more
            wait(view.id, view.row, agent.name, act.product_id)


def _remember(row: Customer, agent: Agent, act: Remember, body: Raw) -> None:
    if act.memory is None:
        row.memory.pop(agent.name, None)
    else:
        row.memory[agent.name] = body


def _trait(act: Learn, at: int) -> Trait | None:
    if act.value is None:
        return None
    return Trait(act.value, max(0, at // DAY), round(act.confidence * 100), act.half_life_days)


def _enter(
    batch: Batch, speech: Speech, agent: Agent, act: Enter, view: View, cause: Cause
) -> None:
    """Make an entry. A ledger that cannot take it is a policy's mistake, and stops nobody."""
    kind = agent.keeps
    if kind is None:
        return
    try:
        batch.ledgers.enter(agent.name, kind, act.entry)
    except RowError:
        raise
    except Exception as error:  # noqa: BLE001 (an agent may fail in any way)
        evidence = Evidence(values={"error": f"{type(error).__name__}: {error}"})
        failed = Note(reason="agent_failed", evidence=evidence)
        speech.note(batch, agent, failed, NO_PAYLOAD, view, cause)


def _set_timer(
    batch: Batch, speech: Speech, agent: Agent, act: SetTimer, view: View, cause: Cause
) -> None:
    key, timers, due_at = agent.timer_key(act.name), view.row.timers, act.due_at
    if cause.silent and due_at <= cause.decided_at:
        if not act.every:
            batch.drop_timer(view.id, view.row, key)
            return
        due_at += ((cause.decided_at - due_at) // act.every + 1) * act.every
    # A timer that is set for its own past would fire again in the same tick, for ever.
    if due_at <= cause.at:
        due_at = cause.decided_at + 1
    if timers.get(key) == due_at:
        return  # It is set for then already, as most are that are set anew at each order.
    if len(timers) >= TIMERS_MAX and key not in timers:
        full = Note(reason="timers_full", evidence=Evidence(values={"timer": key}))
        speech.note(batch, agent, full, NO_PAYLOAD, view, cause)
    else:
        batch.set_timer(view.id, view.row, key, due_at)

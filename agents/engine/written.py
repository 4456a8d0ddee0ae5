"""How is what an agent asks for laid down? Checked before any of it is done.

The law: an agent's acts are taken whole or not at all.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
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
)
from schemas.codec import encode_json, encode_row
from schemas.decisions import Evidence, Money
from schemas.event import CENTS_MAX, ID_MAX
from schemas.instant import LATEST

NO_PAYLOAD = Raw(b"{}")
_Told = tuple[str, str, int | None, Evidence, Money | None, Money | None]
_readable = msgspec.msgpack.Decoder(_Told).decode


def written(agent: Agent, acts: Iterable[Act]) -> list[tuple[Act, Raw]]:
    """Acts, each with what it lays down as bytes: a payload as JSON, a memory as msgpack.

    Raises TypeError or ValueError for acts that could not be written, not be read again, or not be
    told apart. Asked before any of them is done, so that they are taken whole or not at all.
    """
    ready: list[tuple[Act, Raw]] = []
    # No comprehension, which is a call of its own: most agents answer nothing most of the time. And
    # each act at once, for what an agent remembers it may go on to change.
    for act in acts:
        ready.append((act, _body(agent, act)))  # noqa: PERF401
    if len(ready) < 2:
        return ready
    kinds = [act.kind or agent.name for act, _ in ready if type(act) is Say]
    if len(kinds) > 1 and len(set(kinds)) < len(kinds):
        raise ValueError(f"says {kinds} on one occasion: two of a kind would have the same id")
    return ready


def _body(agent: Agent, act: Act) -> Raw:
    # By its very type, the frequent ones first, as in ``doing.do``.
    kind = type(act)
    if kind is Enter:
        if agent.keeps is None:
            raise ValueError("enters something, and keeps no ledger")
        return NO_PAYLOAD
    if kind is Remember:
        return Raw(encode_row(act.memory))  # type: ignore[union-attr]
    if kind is SetTimer:
        _check_timer(act)  # type: ignore[arg-type]
        return NO_PAYLOAD
    if kind is Learn:
        _check_trait(agent, act)  # type: ignore[arg-type]
        return NO_PAYLOAD
    match act:
        case Say() | Note():
            return _told(agent, act)
        case Await() | StopAwaiting():
            _check_awaited(agent, act.product_id)
        case CancelTimer():
            pass
        case _:
            # Its type alone: how an object is written may differ from one process to the next.
            raise TypeError(f"a {type(act).__name__} is not an act")
    return NO_PAYLOAD


def _check_timer(act: SetTimer) -> None:
    """Raises TypeError for what no row could keep."""
    if type(act.due_at) is not int or act.due_at >= LATEST:
        raise TypeError(f"SetTimer.due_at is {act.due_at!r}: epoch milliseconds are wanted")
    if type(act.every) is not int or not 0 <= act.every < LATEST:
        raise TypeError(f"SetTimer.every is {act.every!r}: milliseconds are wanted")


def _check_awaited(agent: Agent, product_id: Any) -> None:
    """Raises TypeError or ValueError for what no product is called, or where nobody would hear."""
    if not isinstance(product_id, str) or not product_id:
        raise TypeError(f"a product is awaited by its id, not by {product_id!r}")
    if len(product_id) > ID_MAX:
        raise ValueError(f"awaits a product whose id has {len(product_id)} characters")
    if type(agent).on_product is Agent.on_product:
        raise ValueError("awaits a product, and has no on_product")


def _check_trait(agent: Agent, act: Learn) -> None:
    """Raises ValueError or ValidationError for a trait or a value that the agent does not name."""
    if act.trait not in agent.learns:
        raise ValueError(f"learns {act.trait!r}, which its `learns` does not name")
    if act.value is not None:
        _check_value(type(agent), act.trait, act.value)
        if type(act.value) is not str or type(act.half_life_days) is not int:
            raise TypeError(f"{act.trait!r}: a value is a text, and half_life_days a whole number")
    if not 0 <= act.confidence <= 1:
        raise ValueError(f"is sure of {act.trait!r} by {act.confidence}: 0 to 1 is wanted")


@lru_cache(maxsize=4096)
def _check_value(agent: type[Agent], trait: str, value: str) -> None:
    """Raises ValidationError. There are few values of a trait, and each is looked at once."""
    msgspec.convert(value, agent.learns[trait])


def _told(agent: Agent, act: Say | Note) -> Raw:
    if isinstance(act, Say) and (act.kind or agent.name) not in agent.says:
        raise ValueError(f"says {act.kind or agent.name!r}, which its `says` does not name")
    told: _Told
    if isinstance(act, Say):
        told = (act.reason, act.kind, act.expires_at, act.evidence, act.hands_out, None)
    else:
        told = (act.reason, act.kind, None, act.evidence, act.redeemed, act.returned)
    for money in told[4:]:
        if money is not None and not 0 <= money.cents <= CENTS_MAX:
            raise ValueError(f"{money.cents} cents: 0 to {CENTS_MAX} are wanted")
    _readable(encode_row(told))
    return NO_PAYLOAD if act.payload is None else Raw(encode_json(act.payload))

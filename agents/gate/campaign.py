"""Is it the time for it, and are they meant? A campaign has a start, an end and an audience.

The law: it begins and ends at the second, by the log's clock. Who is in the audience is asked at
the moment at which the trigger would leave, so whoever has changed in the meantime is judged anew.
"""

from collections.abc import Container, Mapping
from datetime import datetime

from agents.agent import Agent
from schemas.decisions import Scalar
from state import portrait
from state.customer import Customer

#: What an audience may name beside traits; each is a field of the row.
OF_THE_PROFILE = ("country", "locale", "time_zone")


def closed(agent: Agent, row: Customer, at: int) -> tuple[str, dict[str, Scalar]] | None:
    """Why the campaign does not speak to this customer at this moment, and what says so."""
    if agent.starts_at is not None and at < _millis(agent.starts_at):
        return "not_started", {"starts_at": agent.starts_at.isoformat()}
    if agent.ends_at is not None and at >= _millis(agent.ends_at):
        return "ended", {"ends_at": agent.ends_at.isoformat()}
    if trait := outside(agent.audience, row, at):
        # Not the value: it may be personal, and decisions are kept for long.
        return "not_in_audience", {"trait": trait}
    return None


def outside(audience: Mapping[str, Container[str]], row: Customer, at: int) -> str:
    """The first trait for which the customer is not in an audience; empty for one who is."""
    fails = (it for it, allowed in audience.items() if trait_of(row, it, at) not in allowed)
    return next(fails, "")


def check_span(starts_at: datetime | None, ends_at: datetime | None, key: str) -> None:
    """A campaign ends after it has started. Raises ValueError; key: whose moments these are."""
    if starts_at and ends_at and starts_at >= ends_at:
        raise ValueError(
            f"{key}ends_at is {ends_at.isoformat()}, and that is not after starts_at, which is"
            f" {starts_at.isoformat()}"
        )


def trait_of(row: Customer, name: str, at: int) -> str:
    """What is known of a customer under a name: of the profile, learned, or told by the shop."""
    if name in OF_THE_PROFILE:
        return str(getattr(row, name))
    return portrait.known(row.portrait, name, at) or row.traits.get(name, "")


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)

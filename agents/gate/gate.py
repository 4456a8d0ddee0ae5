"""May this trigger go out? The one gate after all agents and before the outbox.

It is pure, and what it refuses is recorded with its reason: the first refusal as a decision, more
of the same as a count in the row.
"""

from msgspec import Struct

from agents.agent import Agent
from schemas.instant import HOUR
from schemas.profiles import Purpose
from state.consent import open_channels
from state.customer import Customer


class Gate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings in ``[gate]``.

    assume_consent: purposes for which a customer who has said nothing counts as having agreed. A
    customer who has withdrawn consent has said something, and nobody is assumed past that.
    """

    assume_consent: tuple[Purpose, ...] = ()

    def refusal(self, agent: Agent, kind: str, row: Customer, at: int) -> str | None:
        """Why the trigger must not go out; None where it may.

        at: event time or tick time of the decision. The reason is a word a program can match on.
        """
        if not self._consented(agent, row):
            return "no_consent"
        said = row.said.get(kind)
        if said is not None and said.sent and at - said.sent_at < agent.pause_hours * HOUR:
            return "paused"
        return None

    def _consented(self, agent: Agent, row: Customer) -> bool:
        if agent.purpose == "internal":
            return True
        channels = open_channels(row.consent, agent.purpose)
        if channels is None:
            return agent.purpose in self.assume_consent
        return bool(channels)

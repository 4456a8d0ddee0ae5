"""Does an agent decide otherwise in this market? Some of its settings may be other ones there.

The law: a customer's market is where they live, and a variant differs in settings alone: what is
agreed on for a whole campaign (its name, its budget, its holdout) is the same in all markets.
"""

from collections.abc import Iterable

import msgspec

from agents.agent import Agent
from agents.gate.campaign import check_span
from schemas.mistake import settings_of
from state.customer import Customer

#: What one campaign has once, whatever the market.
OF_THE_CAMPAIGN = (
    "campaign", "budget_cents", "budget_days", "holdout_share", "markets", "purpose", "code_key",
)  # fmt: skip


class Markets:
    """The variants of all agents. Raises ValueError for one that cannot be."""

    def __init__(self, agents: Iterable[Agent]) -> None:
        self._variants = {agent.name: variants(agent) for agent in agents}

    def variant(self, agent: Agent, row: Customer) -> Agent:
        """The agent as it is where the customer lives."""
        return self._variants[agent.name].get(row.market, agent) if agent.markets else agent


def variants(agent: Agent) -> dict[str, Agent]:
    """An agent's variants by market.

    Raises ValueError with key, what was found and what is allowed.
    """
    usual = msgspec.to_builtins(agent)
    found: dict[str, Agent] = {}
    for market, changes in agent.markets.items():
        key = f"agents.{agent.name}.markets.{market}"
        for name in OF_THE_CAMPAIGN:
            if name in changes:
                raise ValueError(f"{key}.{name}: a campaign has one, whatever the market")
        own = changes.keys() - set(Agent.__struct_fields__)
        if agent.keeps is not None and own:
            raise ValueError(f"{key}: {sorted(own)}: a partition has one ledger, for all markets")
        variant = settings_of(usual | changes | {"markets": {}}, type(agent), key)
        check_span(variant.starts_at, variant.ends_at, f"{key}.")
        found[market] = variant
    return found

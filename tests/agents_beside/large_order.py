"""The agent that learns, as a file among the agents: for workers and commands of live tests."""

import learner


class LargeOrder(learner.LargeOrder, frozen=True):
    """Found as any agent of the shop's own."""

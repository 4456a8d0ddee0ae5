"""What came of a storm, in numbers and in words."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct, field

#: What the gate answers in a storm: outcomes, and the reasons of those that are not sent.
#: `too_many_held`, `agent_is_off`, `agent_failed`, `row_ended` and `follows_a_trigger` need agents or
#: rows that no storm has; tests of the gate have them.
ANSWERS = (
    "sent", "merged", "held_out/held_out", "held_out/held_out_over_all", "deferred/quiet_hours",
    "deferred/outranked",
    *(f"suppressed/{reason}" for reason in (
        "already_held", "capped", "excluded", "expired", "late", "no_channel", "no_consent",
        "outranked", "over_budget", "paused", "reason_gone", "too_soon",
    )),
)  # fmt: skip


class Outcome(Struct):
    """What came of a storm. differences: empty where no law was broken.

    answers: of the gate, by outcome and reason. met: what else was done, by name. digest: of every record in every topic, so that
    two runs can be told to be the same.
    """

    seed: int
    events: int = 0
    decisions: int = 0
    triggers: int = 0
    carried_twice: int = 0
    published_twice: int = 0
    rebalances: int = 0
    accidents: dict[str, int] = {}
    answers: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    digest: str = ""
    differences: list[str] = field(default_factory=list)


def unanswered(outcomes: Iterable[Outcome], at_least: int) -> list[str]:
    """Answers that the gate gave in fewer storms than that: nothing is proved of those."""
    storms = Counter(answer for it in outcomes for answer in it.answers)
    return [it for it in ANSWERS if storms[it] < at_least]

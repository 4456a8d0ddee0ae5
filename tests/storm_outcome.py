"""What came of a storm, in numbers and in words."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct, field

#: What the gate answers in a storm: outcomes, and the reasons of those that are not sent.
#: `agent_is_off`, `agent_failed`, `row_ended` and `follows_a_trigger` need agents or rows that no
#: storm has, and `too_many_held` has hardly any; tests of the gate have them.
ANSWERS = (
    "sent", "merged", "held_out/held_out", "held_out/held_out_over_all", "deferred/quiet_hours",
    "deferred/outranked",
    *(f"suppressed/{reason}" for reason in (
        "already_held", "capped", "excluded", "expired", "late", "no_channel", "no_consent",
        "outranked", "over_budget", "paused", "reason_gone", "too_soon",
    )),
)  # fmt: skip

#: What else a storm may meet, by the names that ``storm_replay`` gives it.
MECHANISMS = (
    "waiting begun", "waiting ended", "told of a product", "told of a product in parts",
    "rate missing", "order exchanged", "erased", "erased while waiting",
    "models/large_order/in_effect", "looks elsewhere",
    *(f"ledger {it}" for it in (
        "churn_alert", "coupon_response", "demand_gap", "large_order", "outlook",
        "product_recommendation", "rates", "reputation", "rfm", "sales", "sold_out", "trend",
        "usual_basket", "win_back_coupon",
    )),
    *(f"trait {it}" for it in (
        "answers_on", "class", "cluster", "expected_spend_cents", "favourite_category", "rfm", "shops_at", "shops_on",
        "stage", "tier", "uses_coupons",
    )),
    *(f"sent {it}" for it in (
        "back_in_stock", "care_birthday", "churn_alert", "class_changed", "first_purchase_offer",
        "lifecycle_changed", "points_expiring", "promotion", "promotion_ending", "referral_reward",
        "tier_at_risk", "tier_up", "win_back_coupon", "win_back_last_call", "won_back",
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
    """What fewer storms than that have met, of the gate's answers and all else.

    Nothing is proved of those.
    """
    storms = Counter(it for outcome in outcomes for it in (*outcome.answers, *outcome.met))
    return [it for it in (*ANSWERS, *MECHANISMS) if storms[it] < at_least]

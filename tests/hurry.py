"""The shipped engine.toml in a hurry: what takes days there happens within seconds.

Timers fire all the time, a tick has more than it loads at once, an alert is followed by a coupon
within a run, and every rule of the gate has something to hold back.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.settings import DEFAULT_CONFIG

_SECOND_H = 1 / 3_600
_SECOND_D = 1 / 86_400
_DAWN, _DUSK = "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"

GATE: dict[str, Any] = {
    "assume_consent": ["service", "marketing", "personalisation"],
    "channels": ["push", "email"],
    "distance_hours": 1.2 * _SECOND_H,
    "caps": [
        {"sent_max": 2, "hours": 10 * _SECOND_H},
        {"sent_max": 1, "hours": 4 * _SECOND_H, "per": "channel", "kinds": ["abandoned_cart"]},
    ],
    "exclusions": [{"after": "service_recovery", "hours": 5 * _SECOND_H, "until_closed": True}],
    "at_once": "suppress",
    "defer_hours": 3 * _SECOND_H,
    "holdout": {"share": 0.3, "over_all": 0.2},
    "outcome_days": 5 * _SECOND_D,
}

# All speak on the gate's channels, so that one that is lost is missed.
AGENTS: dict[str, dict[str, Any]] = {
    "churn_alert": {
        "quiet_days_min": 1.5 * _SECOND_D, "default_gap_days": 0.2 * _SECOND_D,
        "horizon_days": 2 * _SECOND_D, "risk_min": 0.2,
        "pause_hours": 2 * _SECOND_H,
    },
    "win_back_coupon": {
        "after_days": 1 * _SECOND_D, "valid_days": 4 * _SECOND_D, "pause_hours": 6 * _SECOND_H,
        "reminder_days": 2 * _SECOND_D, "return_days": 5 * _SECOND_D, "reopens": True,
        # Few are held out in a run, and some of the offers are not worth it by what they teach.
        "outcome_days": 2 * _SECOND_D, "examples_min": 2, "explore_share": 0.5, "doubt": 0,
        # Above the ladder's steps, which begin with the same alert.
        "priority": 45, "channels": [], "budget_days": 10 * _SECOND_D,
        # For each of two partitions: one coupon of the largest value, or some small ones.
        "budget_cents": {"EUR": 4_500, "SEK": 1_000},
    },
    "product_recommendation": {
        "quiet_hours": 3 * _SECOND_H, "together_min": 1, "products_min": 1, "priority": 30,
        "channels": [],
    },
    "abandoned_cart": {
        "after_minutes": 2 / 60, "valid_hours": 5 * _SECOND_H, "pause_hours": 6 * _SECOND_H,
        "priority": 10, "channels": [],
    },
    "service_recovery": {"channels": []},
    # Always something on, and a row that wakes all the time.
    "promotion": {
        "planned": [
            {"name": "ever", "starts_at": _DAWN, "ends_at": _DUSK, "ending_hours": 0},
            {"name": "soon_over", "starts_at": _DAWN, "ends_at": _DUSK, "ending_hours": 10**6},
        ],
        "apart_hours": 3 * _SECOND_H, "channels": [],
    },
    # No setting brings a day nearer: they speak within seconds to those whose day it is.
    "care_birthday": {"hour": 0, "channels": []},
    "care_holiday": {"hour": 0, "channels": []},
    "survey": {
        "after_days": 1 * _SECOND_D, "per_days": 3 * _SECOND_D, "open_days": 2 * _SECOND_D,
        "valid_days": 4 * _SECOND_D, "pause_hours": 1 * _SECOND_H, "channels": [],
    },
    "detractor_follow_up": {"channels": []},
    "referral_invite": {"pause_hours": 3 * _SECOND_H, "channels": []},
    "thank_you": {"pause_hours": 2 * _SECOND_H, "channels": []},
    "referral_reward": {},
    "portrait": {},
    "coupon_response": {"valid_days": 3 * _SECOND_D, "redeemed_min": 1},
    "question_sla": {
        "answer_hours": 4 * _SECOND_H, "complaint_hours": 2 * _SECOND_H,
        "warning_hours": 1 * _SECOND_H,
    },
    "vip_care": {"spend_cents_min": 1},
    "delivery_delay": {"grace_hours": 1 * _SECOND_H, "channels": []},
    # Months can't be hurried; that they end soon is told at once, and what goes back is told, too.
    "points": {"expiring_days": 1_000, "channels": []},
    "membership_tier": {
        "tiers": [["silver", 1], ["gold", 3_000]], "at_risk_days": 1_000, "channels": [],
    },
    "welcome": {"channels": []},
    "first_purchase_offer": {
        "views_min": 1, "after_hours": 1 * _SECOND_H, "value_cents": 500, "valid_days": 3 * _SECOND_D,
        "return_days": 5 * _SECOND_D, "pause_hours": 4 * _SECOND_H, "channels": [],
        # For each of two partitions: two coupons.
        "budget_cents": {"EUR": 2_000}, "budget_days": 10 * _SECOND_D,
    },
    # Visits lie hours apart, so in a hurry one must do.
    "browse_abandonment": {
        "looks_min": 1, "visits_min": 1, "after_hours": 1 * _SECOND_H,
        "pause_hours": 3 * _SECOND_H, "channels": [],
    },
    "replenishment_due": {
        "spread_max": 1, "gap_days_min": 1 * _SECOND_D, "ahead_days": 0, "one_purchase_hours": 0,
        "pause_hours": 1 * _SECOND_H, "channels": [],
    },
    # No gap is known where all lie within a day.
    "usual_basket": {
        "regulars_min": 1, "times_min": 2, "gaps_min": 0, "ahead_hours": 0,
        "pause_hours": 2 * _SECOND_H, "channels": [],
    },
    "win_back_ladder": {
        "reminder_after_days": 0.5 * _SECOND_D, "larger_after_days": 1.5 * _SECOND_D,
        "last_call_after_days": 3 * _SECOND_D, "spent_cents_min": 0, "value_cents_min": 1,
        "valid_days": 2 * _SECOND_D, "return_days": 5 * _SECOND_D, "reopens": True,
        "pause_hours": 4 * _SECOND_H, "channels": [], "budget_days": 10 * _SECOND_D,
        # For each of two partitions: one coupon of the largest value, or some small ones.
        "budget_cents": {"EUR": 11_000, "SEK": 3_000},
    },
    "won_back": {"within_days": 10 * _SECOND_D},
    "customer_class": {
        "new_days": 2 * _SECOND_D, "potential_spend_cents": 2_000, "frequent_orders": 3,
        "high_end_order_cents": 4_000, "high_value_spend_cents": 8_000,
    },
    "lifecycle": {
        "lead_views": 2, "lead_visits": 2, "at_risk_days": 1 * _SECOND_D,
        "lapsed_days": 3 * _SECOND_D,
    },
    "outlook": {"refresh_days": 2 * _SECOND_D, "sample_max": 100},
    "rfm": {"rescore_days": 2 * _SECOND_D, "customers_min": 4, "clusters": ["good", "fair"]},
    "back_in_stock": {
        "of_wishlist": True, "of_cart": True, "valid_days": 20 * _SECOND_D, "channels": [],
    },
    "price_drop": {
        "drop_share": 0.01, "valid_days": 20 * _SECOND_D, "pause_hours": 2 * _SECOND_H, "channels": [],
    },
    # Windows open and close all the time, and the bounds of the ledgers are reached.
    "reputation": {
        "window_hours": 2 * _SECOND_H, "lateness_minutes": 1 / 60, "recent_windows": 2,
        "recent_min": 1, "usual_min": 1, "products_max": 8,
    },
    "demand_gap": {
        "window_hours": 2 * _SECOND_H, "lateness_minutes": 1 / 60, "customers_min": 1,
        "names_max": 8,
    },
    "trend": {
        "window_hours": 2 * _SECOND_H, "lateness_minutes": 1 / 60, "baseline_windows": 2,
        "interest_min": 1, "names_max": 8,
    },
    "sales": {"categories_max": 8},
}  # fmt: skip


def write_hurried(
    path: Path, *, due_max: int = 20, currency: str = "",
    agents: Mapping[str, dict[str, Any]] = {}, **gate: Any,
) -> None:  # fmt: skip
    """Write it to a file. due_max: timers in one commit. gate: other settings of the gate.

    currency: the shop's own, into which all others are exchanged; empty: none is. agents: other
    settings of some of them. Those who are told of a product in one commit are a third of due_max.
    """
    shipped = tomllib.loads(DEFAULT_CONFIG.read_text("utf-8"))
    assert shipped["agents"].keys() == AGENTS.keys(), "engine.toml has other agents now"
    sections = {
        "engine": shipped["engine"]
        | {
            "due_max": due_max,
            "fan_out_max": max(1, due_max // 3),
            "currency": currency,
        },
        "gate": shipped["gate"] | GATE | gate,
        **{
            f"agents.{it}": shipped["agents"][it] | AGENTS[it] | agents.get(it, {}) for it in AGENTS
        },
    }
    lines = [f"[{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in section.items())
             for name, section in sections.items()]  # fmt: skip
    path.write_text("\n".join(lines), "utf-8")


def _toml(value: Any) -> str:
    """A value as TOML writes it: as JSON does, but for tables."""
    if isinstance(value, dict):
        fields = (f"{json.dumps(key)} = {_toml(it)}" for key, it in value.items())
        return f"{{ {', '.join(fields)} }}"
    if isinstance(value, list):
        return f"[{', '.join(_toml(it) for it in value)}]"
    return json.dumps(value)

"""The shipped engine.toml in a hurry: what takes days there happens within seconds.

Timers fire all the time, a tick has more than it loads at once, an alert is followed by a coupon
within a run, and every rule of the gate has something to hold back.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

from config.settings import DEFAULT_CONFIG

_SECOND_H = 1 / 3_600
_SECOND_D = 1 / 86_400

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
        "pause_hours": 2 * _SECOND_H,
    },
    "win_back_coupon": {
        "after_days": 1 * _SECOND_D, "valid_days": 4 * _SECOND_D, "pause_hours": 6 * _SECOND_H,
        "reminder_days": 2 * _SECOND_D, "return_days": 5 * _SECOND_D, "reopens": True,
        "priority": 20, "channels": [], "budget_days": 10 * _SECOND_D,
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


def write_hurried(path: Path, *, due_max: int = 20, **gate: Any) -> None:
    """Write it to a file. due_max: timers in one commit. gate: other settings of the gate."""
    shipped = tomllib.loads(DEFAULT_CONFIG.read_text("utf-8"))
    assert shipped["agents"].keys() == AGENTS.keys(), "engine.toml has other agents now"
    sections = {
        "engine": shipped["engine"] | {"due_max": due_max},
        "gate": shipped["gate"] | GATE | gate,
        **{f"agents.{it}": shipped["agents"][it] | AGENTS[it] for it in AGENTS},
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

"""The shipped engine.toml in a hurry: what takes days there happens within seconds.

Timers fire all the time, a tick has more than it loads at once, and an alert is followed by a
coupon within a run.
"""

from pathlib import Path

from config.settings import DEFAULT_CONFIG

HURRY = {
    'assume_consent = ["service"]': 'assume_consent = ["service", "marketing", "personalisation"]',
    "due_max = 500": "due_max = 20",
    "quiet_days_min = 7": "quiet_days_min = 0.0001",
    "default_gap_days = 30": "default_gap_days = 0.0001",
    "after_days = 7": "after_days = 0.0001",
    "after_minutes = 60": "after_minutes = 0.1",
    "quiet_hours = 168": "quiet_hours = 0.005",
    "together_min = 3": "together_min = 1",
}


def write_hurried(path: Path, **more: str) -> None:
    """Write it to a file. more: other values of single settings, such as ``due_max="3"``."""
    text = DEFAULT_CONFIG.read_text("utf-8")
    for shipped, hurried in HURRY.items():
        assert shipped in text, f"engine.toml has no `{shipped}` any more"
        name = shipped.split(" = ")[0]
        text = text.replace(shipped, f"{name} = {more[name]}" if name in more else hurried)
    path.write_text(text, "utf-8")

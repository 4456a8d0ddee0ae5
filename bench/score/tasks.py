"""Which tasks are there? Questions that a decision of ours answers, in the order they are told."""

import importlib
from pathlib import Path
from types import ModuleType

#: By module, with the question and the data in a few words.
TITLES = {
    "quiet_journey": "Who places no order in the next 28 days? (Complete Journey)",
    "alerts_journey": "Are those who get a churn alert lost? (Complete Journey)",
    "cdnow": "Who buys again, and how often? (CDNOW)",
    "retail": "Who buys nothing in 13 weeks? (Online Retail)",
    "next_click": "What is clicked next? (Yoochoose)",
    "next_basket": "What is in the next basket? (Complete Journey)",
    "coupon_redeemed": "Who redeems a mailed coupon? (Complete Journey)",
    "mail_uplift": "Whom does a mailing bring? (Hillstrom)",
    "zh_reviews": "Is a review negative? (Chinese shops)",
}


def tasks() -> list[str]:
    """The tasks that there are."""
    folder = Path(__file__).parent
    return [it for it in TITLES if (folder / f"{it}.py").is_file()]


def load(name: str) -> ModuleType:
    """The module of a task. Not before it is wanted: some import what takes a second."""
    return importlib.import_module(f"bench.score.{name}")

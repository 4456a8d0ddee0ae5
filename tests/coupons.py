"""How do tests tell of a coupon? One history in which it is sent, and the code that was in it."""

import re
from collections.abc import Iterable
from typing import Any, ClassVar

from msgspec import Struct

from agents.agent import Act, Agent, Say, View
from agents.churn_alert import ChurnAlert
from agents.win_back_coupon import WinBackCoupon
from schemas.clickstream import PageViewed
from schemas.decisions import Decision

#: Alerts after 30 days exactly, so that what follows from an alert is plain.
ALERT = ChurnAlert(purpose="internal", chance=0.99, quiet_days_min=30)
COUPON = WinBackCoupon(after_days=7, valid_days=28, code_key="secret")

#: The coupon is worth 1200 and open until 2026-03-26 08:00; the reminder is due on 2026-03-23 08:00.
HISTORY = """
    2026-01-20 08:00  ann  order_placed total_cents=8000
    2026-02-19 08:00  ann               -> churn_alert
    2026-02-26 08:00  ann               -> win_back_coupon
"""


class Rung(Struct, frozen=True):
    """Nothing but that it rang."""


class Bell(Agent, frozen=True):
    """An alert at every page view, for coupons that follow it."""

    listens: ClassVar = (PageViewed,)
    says: ClassVar = {"bell": Rung}
    purpose: Any = "internal"
    pause_hours: float = 0.0

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Ring."""
        yield Say(reason="rung", payload=Rung())


def code_in(decisions: list[Decision], outcome: str = "sent") -> str:
    """The code of the only coupon that was decided with this outcome."""
    (coupon,) = [it for it in decisions if it.kind == "win_back_coupon" and it.outcome == outcome]
    found = re.search(r'"code":"([^"]+)"', bytes(coupon.payload).decode())
    assert found is not None
    return found[1]

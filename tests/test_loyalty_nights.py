"""Points and tiers that wait for the morning: what is told then is what is so then, or nothing."""

from partition import NOBODY
from timeline import check

from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours
from agents.membership_tier import MembershipTier
from agents.points import Points

NIGHTS = QuietHours(begin="21:00", end="08:00", time_zone="UTC", purposes=("service",))
GATE = Gate(
    assume_consent=("service",), channels=("email",), quiet_hours=NIGHTS, holdout=NOBODY
)  # fmt: skip
TIER = MembershipTier(tiers=(("silver", 30_000), ("gold", 100_000)))


def test_a_timeline_in_which_points_are_redeemed_in_the_night_tells_of_the_rest() -> None:
    table = """
        2026-01-20 08:00  ann  order_placed total_cents=5000
        2027-01-02 00:00  ann  -> deferred points_expiring points=50
        2027-01-02 02:00  ann  points_redeemed points=20
        2027-01-02 09:00  ann  -> points_expiring points=30 available=30
        2027-02-01 00:00  ann  -> noted points reason=points_expired points=30
        """
    check(table, Points(), gate=GATE)
    check(
        """
        2026-01-20 08:00  ann  order_placed total_cents=5000
        2027-01-02 00:00  ann  -> deferred points_expiring points=50
        2027-01-02 02:00  ann  points_redeemed points=50
        2027-01-02 09:00  ann  -> suppressed points_expiring reason=reason_gone
        """,
        Points(),
        gate=GATE,
    )


def test_a_timeline_in_which_the_order_is_cancelled_in_the_night_tells_of_no_tier() -> None:
    check(
        """
        2026-01-20 22:00  ann  order_placed order_id=o1 total_cents=30000 -> deferred tier_up
        2026-01-20 23:00  ann  order_cancelled order_id=o1 \
            -> noted membership_tier reason=tier_down
        2026-01-21 09:00  ann  -> suppressed tier_up reason=reason_gone
        """,
        TIER,
        gate=GATE,
    )


def test_a_timeline_that_rises_twice_in_a_night_tells_of_the_higher_tier() -> None:
    check(
        """
        2026-01-20 22:00  ann  order_placed total_cents=30000 event_id=e1 \
            -> deferred tier_up tier=silver
        2026-01-20 23:00  ann  order_placed total_cents=70000 \
            -> suppressed tier_up reason=already_held
        2026-01-21 09:00  ann  -> tier_up tier=gold previous= events=e1
        """,
        TIER,
        gate=GATE,
    )


def test_a_timeline_that_requalifies_in_the_night_is_not_told_of_a_risk() -> None:
    check(
        """
        2026-05-01 10:00  ann  order_placed total_cents=30000 -> tier_up
        2026-05-01 11:00  bob  order_placed total_cents=30000 -> tier_up
        2027-11-02 00:00  ann  -> deferred tier_at_risk missing=30000
        2027-11-02 00:00  bob  -> deferred tier_at_risk missing=30000
        2027-11-02 02:00  ann  order_placed total_cents=30000
        2027-11-02 02:00  bob  order_placed total_cents=29000
        2027-11-02 09:00  ann  -> suppressed tier_at_risk reason=reason_gone
        2027-11-02 09:00  bob  -> tier_at_risk missing=1000
        """,
        TIER,
        gate=GATE,
    )

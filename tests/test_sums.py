"""What a partition adds up is the same on every Python: ``sum`` rounds otherwise from 3.12 on.

An exact sum of these three is 1; added up one after the other they are 0.
"""

from agents.churn.lessons import log_odds
from agents.coupons.uplift import Uplift
from state.btyd import Buyers, Future

PARTS = [1e16, 1.0, -1e16]


def test_a_churn_score_is_an_exact_sum() -> None:
    assert log_odds(PARTS, [1.0] * 3) == 1.0


def test_the_effect_of_an_offer_is_an_exact_sum() -> None:
    model = Uplift(("a", "b"), [0.0] * 2, [1.0] * 2, [0.0] * 3, PARTS, [0.0] * 6, 0.1, 9, 9)
    assert model.estimate(bytes([1, 1])).effect == 1.0


def test_the_orders_to_come_are_an_exact_sum() -> None:
    buyers = Buyers([1.0], [1.0], [0.0], [1.0])
    future = Future(1.0, [(it, 1.0, 0.0) for it in PARTS], 10.0, buyers)
    assert future.orders(1.0) == 1.0

"""Uplift: whose mind an offer changes is learned from both arms, and what changes nothing is idle."""

from random import Random

import msgspec
import pytest

from agents.coupons.uplift import ADDED_MAX, KNOWN, Arms, Estimate, Outcome, Uplift, names_of
from agents.coupons.uplift_fit import fitted
from schemas.codec import encode_row
from state.ledger import Ledger
from state.moments import EXAMPLES_MAX, Moments

NAMES = ("sure", "undecided", "noise")


def arms(count: int, effect: float, seed: int = 1) -> Arms:
    """A ledger of customers of whom the sure come anyway, and the undecided if they are sent one."""
    chance, ledger = Random(seed), Arms()
    for _ in range(count):
        sure, undecided = chance.random() < 0.5, chance.random() < 0.3
        held_out = chance.random() < 0.3
        rate = 0.05 + 0.5 * sure + effect * (undecided and not sure and not held_out)
        known = bytes((100 * sure, 100 * undecided, chance.randrange(256)))
        came = chance.random() < rate
        ledger.enter(Outcome(NAMES, known, held_out, came, came and not held_out))
    return ledger


def effect_on(model: Uplift, sure: int, undecided: int, noise: int = 128) -> Estimate:
    return model.estimate(bytes((100 * sure, 100 * undecided, noise)))


# What is learned ----------------------------------------------------------------------------------


def test_those_whose_mind_it_changes_are_ranked_above_those_who_come_anyway() -> None:
    model = fitted([arms(6_000, 0.3)], NAMES, 100)
    assert model is not None
    undecided, sure = effect_on(model, 0, 1), effect_on(model, 1, 0)
    assert undecided.effect > 0.15
    assert sure.effect < 0.08
    # Who answers most is the other way round.
    assert sure.sent > undecided.sent
    assert undecided.reasons[0][0] == "undecided"
    low, high = undecided.interval
    assert low < undecided.effect < high


def test_what_changes_nothing_is_idle_and_said_to_be() -> None:
    model = fitted([arms(6_000, 0.3)], NAMES, 100)
    assert model is not None
    effects = [effect_on(model, 0, 1, noise).effect for noise in (0, 255)]
    assert abs(effects[0] - effects[1]) < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_where_there_is_no_effect_none_is_invented(seed: int) -> None:
    model = fitted([arms(6_000, 0.0, seed)], NAMES, 100)
    assert model is not None
    everybody = [effect_on(model, s, u, n) for s in (0, 1) for u in (0, 1) for n in (0, 128, 255)]
    effects = [it.effect for it in everybody]
    assert max(effects) - min(effects) < 0.06
    assert all(abs(it.effect) < 4 * it.error for it in everybody)


def test_partitions_teach_what_they_would_as_one() -> None:
    parts = [arms(2_000, 0.3, seed) for seed in (1, 2, 3)]
    ledger = Arms(NAMES)
    for it in parts:
        ledger.sent, ledger.held_out = ledger.sent.plus(it.sent), ledger.held_out.plus(it.held_out)
        ledger.answered, ledger.redeemed = (
            ledger.answered + it.answered, ledger.redeemed + it.redeemed
        )  # fmt: skip
    assert (
        fitted(parts, NAMES, 100)
        == fitted([ledger], NAMES, 100)
        == fitted([*reversed(parts), Arms()], NAMES, 100)
    )


def test_too_few_in_an_arm_teach_nothing() -> None:
    assert fitted([arms(300, 0.3)], NAMES, 100) is None
    assert fitted([], NAMES, 1) is None
    assert fitted([Arms()], NAMES, 1) is None


def test_a_partition_that_tells_of_other_things_is_left_out() -> None:
    other = Arms()
    other.enter(Outcome(("else",), b"\x05", held_out=False, answered=True, redeemed=True))
    assert fitted([arms(2_000, 0.3), other], NAMES, 100) == fitted([arms(2_000, 0.3)], NAMES, 100)


def test_who_all_do_the_same_break_nothing() -> None:
    ledger = Arms()
    for nth in range(400):
        known = bytes((7, 7, 7))
        ledger.enter(Outcome(NAMES, known, nth % 2 == 0, answered=False, redeemed=False))
    model = fitted([ledger], NAMES, 100)
    assert model is not None
    assert abs(model.estimate(bytes((0, 255, 9))).effect) < 0.01
    msgspec.json.decode(msgspec.json.encode(model), type=Uplift)


# The ledger ---------------------------------------------------------------------------------------


def test_a_ledger_stays_small_however_many_there_were() -> None:
    names = names_of(
        [f"c{it}" for it in range(ADDED_MAX)], [("t", str(it)) for it in range(ADDED_MAX)]
    )
    assert len(names) == len(KNOWN) + 2 * ADDED_MAX
    moments, most = Moments(), bytes([255] * len(names))
    moments.add(most, came=True)
    moments.products = [it * (EXAMPLES_MAX - 2) for it in moments.products]
    moments.came = [it * (EXAMPLES_MAX - 2) for it in moments.came]
    moments.add(most, came=True)
    assert moments.count == EXAMPLES_MAX - 1
    ledger: Ledger = Arms(names, moments, moments)
    assert len(encode_row(ledger)) < 6_000
    moments.add(most, came=True)
    assert moments.count == EXAMPLES_MAX // 2


def test_other_names_begin_a_ledger_anew() -> None:
    ledger = arms(50, 0.3)
    ledger.enter(Outcome(("else",), b"\x05", held_out=False, answered=True, redeemed=False))
    assert (ledger.sent.count, ledger.held_out.count) == (1, 0)

"""The tasks about coupons and mailings look at nothing that was not known when they score."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest
from msgspec.structs import replace

from bench.score import hillstrom, mail_uplift
from bench.score.coupon_redeemed import Campaign, run
from schemas.orders import Item, OrderPlaced

HILLSTROM = Path(__file__).parents[2] / "shared" / "data"
STARTS = [datetime(2017, 3, 1, tzinfo=UTC) + timedelta(days=40 * it) for it in range(3)]
HOUSEHOLDS = tuple(str(it) for it in range(120))


def campaigns(turned: bool = False) -> list[Campaign]:
    """Three mailings. Every third household redeems; turned: of the last one the others do."""
    found = []
    for nth, starts in enumerate(STARTS):
        last = nth == len(STARTS) - 1
        on = starts + timedelta(days=5)
        redeemed = {it: [on] for it in HOUSEHOLDS if (int(it) % 3 == 0) != (turned and last)}
        found.append(Campaign(str(nth), "Type A", starts, HOUSEHOLDS, redeemed))
    return found


def orders(those: list[Campaign]) -> list[OrderPlaced]:
    """An order each ten days, with the codes that are redeemed then."""
    chance, found = Random(1), []
    for day in range(0, 160, 5):
        at = datetime(2017, 2, 1, tzinfo=UTC) + timedelta(days=day)
        for who in HOUSEHOLDS:
            codes = tuple(
                f"{it.name}-x" for it in those
                if who in it.redeemed and timedelta() <= at - it.redeemed[who][0] < timedelta(days=5)
            )  # fmt: skip
            cents = chance.randrange(500, 9_000)
            found.append(OrderPlaced(
                event_id=f"{who}-{day}", occurred_at=round(at.timestamp() * 1000), customer_id=who,
                order_id=f"{who}-{day}", currency="USD", products=(Item("p", 1, cents),),
                coupons=codes,
            ))  # fmt: skip
    return found


def chances(turned: bool) -> dict[tuple[str, str], float]:
    those = campaigns(turned)
    pairs = asyncio.run(run(orders(those), those))
    return {(it.campaign.name, it.household): it.chance for it in pairs}


def test_a_letter_is_scored_by_what_was_over_before_it() -> None:
    as_it_was, turned = chances(turned=False), chances(turned=True)
    assert as_it_was == turned, "what is redeemed later has changed a score"
    assert {it for (name, _), it in as_it_was.items() if name == "0"} == {-0.0001}
    last = {who: it for (name, who), it in as_it_was.items() if name == "2"}
    redeemers = [it for who, it in last.items() if int(who) % 3 == 0]
    others = [it for who, it in last.items() if int(who) % 3]
    assert min(redeemers) > max(others)


def test_folds_are_ranked_by_themselves() -> None:
    folds = np.arange(40) % hillstrom.FOLDS
    scores = np.arange(40.0) + 1_000 * folds
    ranks = mail_uplift.ranked(scores, folds)
    for fold in range(hillstrom.FOLDS):
        assert ranks[folds == fold].tolist() == [0.125, 0.375, 0.625, 0.875]
    assert set(mail_uplift.ranked(np.zeros(40), folds)) == {0.5}


@pytest.mark.skipif(not (HILLSTROM / hillstrom.FILE).exists(), reason="Hillstrom is not here")
def test_nobody_is_scored_by_a_model_that_has_seen_them() -> None:
    some = mail_uplift.dealt(HILLSTROM)[:800]
    scored = asyncio.run(mail_uplift.estimates(some))
    assert scored.keys() == {it.id for it in some}
    # Of one fold all come, and then none: their own scores are the same.
    here = [it for it in some if hillstrom.fold_of(it.id) == 0]
    rest = [it for it in some if hillstrom.fold_of(it.id) != 0]
    turned = [replace(it, visited=not it.visited) for it in here]
    again = asyncio.run(mail_uplift.estimates([*turned, *rest]))
    assert all(scored[it.id] == again[it.id] for it in here)
    assert any(scored[it.id] != again[it.id] for it in rest)

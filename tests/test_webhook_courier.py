"""The courier: a customer's triggers arrive in order, and nobody waits for another's bad luck."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from simulated_time import simulated
from structlog.testing import capture_logs
from webhook_parcels import (
    AWAY,
    BUSY,
    DELIVERED,
    ERROR,
    GONE,
    REFUSED,
    START,
    Town,
    parcel,
)

from schemas.instant import HOUR, SECOND
from streams.webhooks.answers import Answer
from streams.webhooks.courier import Outcome

# Nobody is left alone: the breaker has its own stories.
PATIENT = {"breaker_failures": 1_000, "rate_per_s": 10_000.0}


def by_id(bad: dict[str, Answer], good: Answer = DELIVERED) -> Any:
    return lambda it: bad.get(it.id, good)


def test_a_customers_triggers_arrive_in_order_though_the_first_one_fails_at_first() -> None:
    async def story() -> Town:
        town = Town([ERROR, ERROR, DELIVERED], **PATIENT)
        first, second, third = (parcel("ann", it) for it in (1, 2, 3))
        for it in first, second, third:
            town.courier.accept(it)
        await town.finish()
        assert [it for _, _, it in town.posted] == [first.id] * 3 + [second.id, third.id]
        return town

    town = simulated(story())
    assert [it.attempts for it in town.outcomes.values()] == [3, 1, 1]
    assert not any(it.failure for it in town.outcomes.values())


def test_customers_go_side_by_side_up_to_the_limit() -> None:
    async def story() -> tuple[Town, float]:
        town = Town([DELIVERED], takes_s=1.0, in_flight_max=4, **PATIENT)
        for number in range(12):
            town.courier.accept(parcel(f"c{number}", number))
        await town.finish()
        return town, town.loop.time()

    town, took_s = simulated(story())
    assert town.most_under_way == 4
    assert took_s == pytest.approx(3.0, abs=0.1)


def test_who_waits_for_another_attempt_takes_no_slot_from_others() -> None:
    async def story() -> Town:
        bad = parcel("ann", 1)
        town = Town(
            by_id({bad.id: ERROR}), in_flight_max=1, attempts_max=3, backoff_s=100.0, **PATIENT
        )
        town.courier.accept(bad)
        for number in range(2, 12):
            town.courier.accept(parcel(f"c{number}", number))
        await asyncio.sleep(2)
        assert len(town.outcomes) == 10
        await town.finish()
        assert town.outcomes[bad.id] == Outcome("failed", 3, "answered 500")
        return town

    simulated(story())


def test_a_refusal_ends_one_trigger_at_once_and_the_next_one_goes_on() -> None:
    async def story() -> Town:
        bad, good = parcel("ann", 1), parcel("ann", 2)
        town = Town(by_id({bad.id: REFUSED}), **PATIENT)
        town.courier.accept(bad)
        town.courier.accept(good)
        await town.finish()
        assert town.outcomes[bad.id] == Outcome("refused", 1, REFUSED.detail)
        assert town.outcomes[good.id] == Outcome("", 1)
        return town

    assert len(simulated(story()).posted) == 2


def test_the_pauses_between_attempts_grow_and_keep_to_their_bounds() -> None:
    async def story() -> list[float]:
        town = Town([ERROR], attempts_max=12, backoff_s=2.0, backoff_max_s=60.0, **PATIENT)
        town.courier.accept(parcel())
        await town.finish(look_s=5)
        return [at for at, _, _ in town.posted]

    pauses: list[list[float]] = []
    for _ in range(20):
        times = simulated(story())
        pauses.append([b - a - 0.1 for a, b in pairwise(times)])
    for tries, column in enumerate(zip(*pauses, strict=True), start=1):
        bound = min(60.0, 2.0 * 2 ** (tries - 1))
        assert max(column) <= bound + 0.1
        # Full jitter: of twenty pauses some are in the lower half and some in the upper one.
        assert min(column) < bound / 2 < max(column)


def test_a_target_that_cannot_be_reached_burns_no_attempt() -> None:
    async def story() -> Town:
        town = Town([AWAY] * 50 + [ERROR, DELIVERED], attempts_max=2, **PATIENT)
        town.courier.accept(parcel())
        await town.finish(look_s=5)
        return town

    town = simulated(story())
    assert list(town.outcomes.values()) == [Outcome("", 2)]
    assert len(town.posted) == 52


def test_a_target_that_is_busy_is_left_alone_as_long_as_it_asks() -> None:
    async def story() -> Town:
        town = Town([BUSY, DELIVERED], **PATIENT)
        town.courier.accept(parcel("ann", 1))
        await asyncio.sleep(1)
        town.courier.accept(parcel("bob", 2))
        await town.finish()
        return town

    first, *others = simulated(story()).posted
    assert first[0] == 0
    assert {it[1] for it in others} == {"ann", "bob"}
    assert all(at >= 60.1 for at, _, _ in others)


def test_the_rate_is_kept() -> None:
    async def story() -> list[float]:
        town = Town([DELIVERED], takes_s=0.01, rate_per_s=5.0, breaker_failures=1_000)
        for number in range(50):
            town.courier.accept(parcel(f"c{number}", number))
        await town.finish()
        return [at for at, _, _ in town.posted]

    times = simulated(story())
    for begin in times:
        # As many as in a second may be saved up; then so many a second.
        assert sum(begin <= at < begin + 4 for at in times) <= 5 + 4 * 5
    assert times[-1] == pytest.approx((50 - 5) / 5, abs=0.5)


# What is not worth sending ------------------------------------------------------------------------


def test_an_expired_trigger_is_not_sent() -> None:
    async def story() -> Town:
        town = Town([DELIVERED], **PATIENT)
        town.courier.accept(parcel("ann", 1, expires_at=START))
        town.courier.accept(parcel("ann", 2, expires_at=START + SECOND))
        await town.finish()
        return town

    town = simulated(story())
    assert [it.failure for it in town.outcomes.values()] == ["expired", ""]
    assert len(town.posted) == 1


def test_a_trigger_that_is_older_than_the_target_wants_is_not_sent() -> None:
    async def story() -> Town:
        town = Town([DELIVERED], age_max_hours=2, **PATIENT)
        town.courier.accept(parcel("ann", 1, decided_at=START - 3 * HOUR))
        town.courier.accept(parcel("ann", 2, decided_at=START - HOUR))
        await town.finish()
        return town

    town = simulated(story())
    assert [it.failure for it in town.outcomes.values()] == ["too_old", ""]


def test_a_trigger_expires_while_it_waits_for_another_attempt() -> None:
    async def story() -> tuple[Outcome, float]:
        town = Town([AWAY], backoff_s=600.0, backoff_max_s=600.0, **PATIENT)
        town.courier.accept(parcel("ann", 1, expires_at=START + 90 * SECOND))
        await town.finish()
        (outcome,) = town.outcomes.values()
        return outcome, town.loop.time()

    outcome, at = simulated(story())
    assert outcome.failure == "expired"
    assert at == pytest.approx(90, abs=1)


# The breaker, and the end -------------------------------------------------------------------------


def test_while_a_target_fails_triggers_wait_and_burn_no_attempts() -> None:
    async def story() -> Town:
        town = Town(
            [AWAY] * 3 + [ERROR] * 4 + [DELIVERED], attempts_max=2, breaker_failures=3,
            breaker_open_s=60, breaker_open_max_s=240, in_flight_max=1, backoff_s=0.001,
        )  # fmt: skip
        for number in range(8):
            town.courier.accept(parcel(f"c{number}", number))
        await asyncio.sleep(30)
        assert town.courier.breaker.state == "open"
        assert len(town.posted) == 3
        await town.finish()
        return town

    with capture_logs() as logs:
        town = simulated(story())
    probes = [at for at, _, _ in town.posted[3:8]]
    # One probe at a time, after 60 s and then after twice as long, at most 240 s; then all go on.
    assert [round(b - a) for a, b in pairwise(probes)] == [120, 240, 240, 240]
    assert len({who for _, who, _ in town.posted[3:7]}) == 4, "each probe is another customer's"
    assert [it.failure for it in town.outcomes.values()] == [""] * 8
    # Said when it begins to fail, at each longer pause, and when it works again.
    rests = [it["what"].split()[5] for it in logs[:-1]]
    assert (logs[0]["event"], rests) == ("webhook_target_fails", ["60", "120", "240", "240", "240"])
    assert {it["event"] for it in logs[1:-1]} == {"webhook_target_still_fails"}
    assert logs[-1]["event"] == "webhook_target_works_again"
    assert logs[-1]["failed_for_s"] == pytest.approx(900, abs=5)


def test_a_target_that_is_gone_is_asked_no_more_and_its_triggers_wait() -> None:
    async def story() -> Town:
        town = Town([DELIVERED, GONE, DELIVERED], in_flight_max=1, **PATIENT)
        for number in range(4):
            town.courier.accept(parcel(f"c{number}", number))
        await asyncio.sleep(10 * 3_600)
        assert town.courier.breaker.state == "gone"
        assert (len(town.posted), town.courier.waiting) == (2, 3)
        await town.courier.let_go(1)
        return town

    assert len(simulated(story()).ended) == 1


def test_who_lets_go_waits_for_what_is_under_way_and_forgets_the_rest() -> None:
    async def story() -> Town:
        town = Town([DELIVERED], takes_s=5.0, in_flight_max=2, **PATIENT)
        for number in range(6):
            town.courier.accept(parcel(f"c{number // 2}", number))
        await asyncio.sleep(1)
        await town.courier.let_go(60)
        assert town.loop.time() == pytest.approx(5, abs=0.1)
        assert (town.courier.waiting, len(town.posted)) == (0, 2)
        assert sorted(town.ended) == sorted(it for _, _, it in town.posted)
        # The partition comes back, and all that was not finished with it.
        for number in (1, 3, 4, 5):
            town.courier.accept(parcel(f"c{number // 2}", number))
        await town.finish()
        return town

    town = simulated(story())
    assert sorted(town.ended) == [f"{number:032x}" for number in range(6)]


def test_who_lets_go_does_not_wait_for_another_attempt() -> None:
    async def story() -> float:
        town = Town([ERROR], backoff_s=3_600.0, backoff_max_s=3_600.0, takes_s=2.0, **PATIENT)
        town.courier.accept(parcel("ann", 1))
        await asyncio.sleep(1)
        await town.courier.let_go(60)
        assert town.ended == []
        return town.loop.time()

    assert simulated(story()) == pytest.approx(2, abs=0.1)

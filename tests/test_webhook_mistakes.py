"""Mistakes in handing over: one request's is told and counts, and no log shows where a url leads."""

import asyncio

import pytest
from simulated_time import simulated
from structlog.testing import capture_logs
from webhook_parcels import DELIVERED, GONE, Town, parcel

from streams.webhooks.answers import Answer
from streams.webhooks.parcel import Parcel

SECRET = "https://x.example:8443/services/hush-hush?key=hush-hush"


def test_a_request_that_nobody_has_thought_of_is_an_attempt_and_is_told_without_the_url() -> None:
    def wrong(_: Parcel) -> Answer:
        raise ZeroDivisionError(f"at {SECRET}")

    async def story() -> Town:
        town = Town(
            wrong, url=SECRET, attempts_max=3, backoff_s=1.0,
            breaker_failures=1_000,
        )  # fmt: skip
        town.courier.accept(parcel("ann", 1))
        await town.finish()
        return town

    with capture_logs() as logs:
        (outcome,) = simulated(story()).outcomes.values()
    assert (outcome.failure, outcome.attempts) == ("failed", 3)
    assert "ZeroDivisionError: at https://x.example:8443…" in outcome.detail
    told = [it for it in logs if it["event"] == "webhook_request_broke"]
    assert [it["log_level"] for it in told] == ["error"] * 3
    assert "hush" not in str(told)


def test_what_goes_wrong_while_an_outcome_is_told_is_not_kept_quiet() -> None:
    async def story() -> None:
        town = Town([DELIVERED])
        town.conclude_fails = True
        town.courier.accept(parcel())
        with pytest.raises(ZeroDivisionError):
            await town.finish()

    simulated(story())


def test_a_target_that_is_gone_is_named_without_its_path() -> None:
    async def story() -> None:
        town = Town([GONE], url=SECRET)
        town.courier.accept(parcel())
        await asyncio.sleep(1)
        await town.courier.let_go(1)

    with capture_logs() as logs:
        simulated(story())
    (told,) = [it for it in logs if it["event"] == "webhook_target_gone"]
    assert told["url"] == "https://x.example:8443"
    assert "hush" not in str(logs)

"""Keepers: a route that fails is made anew, with growing pauses, and keeps no other from its work."""

import asyncio

from prometheus_client import REGISTRY
from simulated_time import simulated
from structlog.testing import capture_logs

from streams.webhooks.keeper import Keeper


class Route:
    """Runs for so long, and then fails; without that, until it is told to stop."""

    def __init__(self, fails_after_s: float | None = None) -> None:
        self._fails_after_s = fails_after_s

    async def run(self, stopping: asyncio.Event) -> None:
        if self._fails_after_s is None:
            await stopping.wait()
        else:
            await asyncio.sleep(self._fails_after_s)
            raise ZeroDivisionError

    def trouble(self) -> str:
        return ""


class Routes:
    """Makes routes, one after the other, and notes when; after the last one all is well."""

    def __init__(self, *fail_after_s: float) -> None:
        self._left = list(fail_after_s)
        self.made_at: list[int] = []

    def __call__(self) -> Route:
        self.made_at.append(round(asyncio.get_running_loop().time()))
        return Route(self._left.pop(0) if self._left else None)


def restarts(name: str) -> float:
    return REGISTRY.get_sample_value("ebbtide_webhook_restarts_total", {"target": name}) or 0.0


def test_a_route_that_fails_is_made_anew_with_growing_pauses_and_others_go_on() -> None:
    async def story() -> None:
        bad, good = Routes(*[0.1] * 8), Routes()
        stopping = asyncio.Event()
        keepers = [Keeper("bad", bad), Keeper("good", good)]
        running = [asyncio.create_task(it.run(stopping)) for it in keepers]
        await asyncio.sleep(125)
        assert "its route failed (ZeroDivisionError)" in keepers[0].trouble()
        assert keepers[1].trouble() == ""
        await asyncio.sleep(200)
        assert bad.made_at == [0, 1, 3, 7, 15, 32, 64, 124, 184]
        assert good.made_at == [0]
        assert keepers[0].trouble() == "", "it has run for a while, and is well again"
        stopping.set()
        assert await asyncio.gather(*running) == [True, True]

    with capture_logs() as logs:
        simulated(story())
    assert (restarts("bad"), restarts("good")) == (8, 0)
    told = [(it["event"], it["log_level"], it["target"]) for it in logs]
    assert told == [("webhook_route_failed", "error", "bad")] * 8


def test_trouble_is_told_also_while_a_new_route_has_just_begun() -> None:
    async def story() -> None:
        keeper = Keeper("fresh", Routes(0.1))
        stopping = asyncio.Event()
        assert keeper.trouble() == "it has not begun yet"
        task = asyncio.create_task(keeper.run(stopping))
        await asyncio.sleep(0.5)
        assert "its route failed" in keeper.trouble(), "it rests"
        await asyncio.sleep(10)
        assert "its route failed" in keeper.trouble(), "it may fail again at once"
        await asyncio.sleep(60)
        assert keeper.trouble() == ""
        stopping.set()
        assert await task

    simulated(story())


def test_who_was_well_for_a_while_rests_for_no_longer_than_at_first() -> None:
    async def story() -> None:
        routes = Routes(0.1, 0.1, 0.1, 100, 0.1)
        stopping = asyncio.Event()
        task = asyncio.create_task(Keeper("well", routes).run(stopping))
        await asyncio.sleep(200)
        assert routes.made_at == [0, 1, 3, 7, 108, 110]
        stopping.set()
        await task

    simulated(story())


def test_a_stop_ends_a_pause_and_a_failure_during_the_stop_is_no_end_in_order() -> None:
    async def story() -> tuple[bool, bool, float]:
        stopping = asyncio.Event()
        rests = asyncio.create_task(Keeper("rests", Routes(0.1)).run(stopping))
        fails = asyncio.create_task(Keeper("fails", Routes(0.7)).run(stopping))
        await asyncio.sleep(0.5)
        stopping.set()
        return await rests, await fails, asyncio.get_running_loop().time()

    assert simulated(story())[:2] == (True, False)

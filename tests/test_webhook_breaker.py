"""The breaker: who fails again and again gets a rest, and is asked by one request whether it is back."""

import asyncio

from simulated_time import simulated

from streams.webhooks.breaker import Breaker, Pass


class Clock:
    """Time that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def breaker(clock: Clock) -> Breaker:
    return Breaker(failures_max=3, open_s=30, open_max_s=100, clock=clock)


def fail(it: Breaker, times: int) -> None:
    for _ in range(times):
        it.note(it.admit(), failed=True)


def test_it_opens_after_so_many_failures_one_after_the_other() -> None:
    it = breaker(Clock())
    fail(it, 2)
    it.note(it.admit(), failed=False)
    fail(it, 2)
    assert it.state == "closed"
    assert it.note(it.admit(), failed=True)
    assert (it.state, it.admit()) == ("open", "")


def test_after_a_rest_one_probe_passes_and_a_good_answer_closes_it() -> None:
    clock = Clock()
    it = breaker(clock)
    fail(it, 3)
    clock.at += 29.9
    assert it.admit() == ""
    clock.at += 0.1
    assert [it.admit(), it.admit()] == ["probe", ""]
    it.note("probe", failed=False)
    assert (it.state, it.admit()) == ("closed", "request")


def test_each_probe_that_fails_doubles_the_rest_up_to_a_bound() -> None:
    clock = Clock()
    it = breaker(clock)
    fail(it, 3)
    for rest_s in (30, 60, 100, 100):
        clock.at += rest_s - 0.1
        assert it.state == "open"
        clock.at += 0.2
        assert it.admit() == "probe"
        it.note("probe", failed=True)
    clock.at += 101
    it.note(it.admit(), failed=False)
    fail(it, 3)
    clock.at += 31
    assert it.state == "half_open"


def test_it_tells_what_each_end_has_changed_and_for_how_long_it_has_failed() -> None:
    clock = Clock()
    it = breaker(clock)
    told = [it.note(it.admit(), failed=True) for _ in range(3)]
    assert (told, it.open_s, it.rest_s) == (["", "", "opened"], 30, 30)
    clock.at += 31
    assert it.note(it.admit(), failed=True) == "opened_again"
    assert (it.open_s, it.rest_s) == (60, 60)
    clock.at += 61
    assert it.note(it.admit(), failed=False) == "closed"
    assert (it.failing_s, it.open_s) == (92, 30)
    assert it.note(it.admit(), failed=False) == ""


def test_what_was_under_way_when_it_opened_makes_the_rest_no_longer() -> None:
    clock = Clock()
    it = breaker(clock)
    late: list[Pass] = [it.admit() for _ in range(3)]
    fail(it, 3)
    for admitted in late:
        it.note(admitted, failed=True)
    clock.at += 30.1
    assert it.admit() == "probe"
    it.note("request", failed=True)
    assert it.admit() == "", "the probe is still under way"


def test_a_probe_that_was_not_made_makes_room_for_another_one() -> None:
    clock = Clock()
    it = breaker(clock)
    fail(it, 3)
    clock.at += 31
    it.withdraw(it.admit())
    assert it.admit() == "probe"


def test_who_asks_to_be_left_alone_is_and_it_is_no_failure() -> None:
    clock = Clock()
    it = breaker(clock)
    it.note(it.admit(), failed=False)
    it.hold(7)
    it.hold(3)
    clock.at += 6.9
    assert (it.state, it.admit()) == ("open", "")
    clock.at += 0.2
    assert it.admit() == "request"


def test_who_is_gone_is_never_asked_again() -> None:
    clock = Clock()
    it = breaker(clock)
    it.give_up()
    clock.at += 1e9
    assert (it.state, it.admit()) == ("gone", "")


def test_whoever_waits_is_told_when_the_rest_is_over_and_when_the_probe_has_answered() -> None:
    async def story() -> list[float]:
        loop = asyncio.get_running_loop()
        it = Breaker(1, 30, 100, loop.time)
        fail(it, 1)
        passed: list[float] = []

        async def wait() -> None:
            while True:
                await it.settled()
                if admitted := it.admit():
                    passed.append(round(loop.time()))
                    await asyncio.sleep(10)
                    it.note(admitted, failed=False)
                    return

        await asyncio.gather(*(wait() for _ in range(3)))
        return passed

    assert simulated(story()) == [30, 40, 40]

"""An event loop whose clock jumps: hours of waiting pass at once, and in the right order."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """Never waits: what it would have waited for has passed.

    A look takes a little time too, or what is due a rounding error later would never be.
    """

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("everybody waits, and nothing will ever happen")
        self.passed_s += max(timeout, 1e-6)
        return super().select(0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Begins at 0; ``time()`` is how many seconds have been waited for."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed_s


def simulated(story: Coroutine[Any, Any, T]) -> T:
    """Run it in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(story)

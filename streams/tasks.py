"""How are several things done at once, and how is a task ended for certain?"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

_AGAIN_S = 0.1


async def at_once(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do works side by side. Where one fails its error is raised, when all have ended."""
    answers = await asyncio.gather(*works, return_exceptions=True)
    for it in answers:
        if isinstance(it, BaseException):
            raise it
    return answers  # type: ignore[return-value]


async def end(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    """Cancel tasks until all have ended.

    One ``cancel`` is not enough. Before Python 3.12 ``asyncio.wait_for`` loses a cancellation that
    comes together with what it waits for, and libraries use it. A lane that lives on in that way
    would hold up a rebalance for ever.
    """
    pending = {task for task in tasks if task is not None and task is not asyncio.current_task()}
    while pending:
        for task in pending:
            task.cancel()
        ended, pending = await asyncio.wait(pending, timeout=_AGAIN_S)
        for task in ended:
            _ = task.cancelled() or task.exception()  # Heard, so that nobody is told later.

"""How is a task ended for certain? By cancelling it until it has ended."""

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_S = 0.1


async def end(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    """Cancel tasks, and return when all have ended.

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

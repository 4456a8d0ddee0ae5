"""What does a worker that seems to hang wait for? `kill -USR2 PID` has it written to its log."""

import asyncio
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

import structlog

log = structlog.get_logger()


async def listen() -> None:
    """Answer SIGUSR2 from now on, in the loop that runs."""
    if hasattr(signal, "SIGUSR2"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, _tell)


def stacks() -> Iterator[tuple[str, list[str]]]:
    """Each thread and each task by its name, and where it stands: the outermost call first."""
    names = {it.ident: it.name for it in threading.enumerate()}
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 - there is no other way
        lines = [_place(it.f_code, number) for it, number in traceback.walk_stack(frame)]
        yield f"thread {names.get(ident, ident)}", lines[::-1]
    for task in asyncio.all_tasks():
        yield f"task {task.get_name()}", _awaited(task.get_coro())


def _tell() -> None:
    for name, places in stacks():
        log.warning("stack", of=name, at=places)


def _awaited(waiting: Any) -> list[str]:
    """Follow what a coroutine awaits, to what it truly waits for."""
    places = []
    while waiting is not None:
        frame: FrameType | None = getattr(waiting, "cr_frame", None) or getattr(
            waiting, "ag_frame", getattr(waiting, "gi_frame", None)
        )
        if frame is None:
            places.append(repr(waiting))
            break
        places.append(_place(frame.f_code, frame.f_lineno))
        waiting = getattr(waiting, "cr_await", None) or getattr(
            waiting, "ag_await", getattr(waiting, "gi_yieldfrom", None)
        )
    return places


def _place(code: CodeType, line: int) -> str:
    return f"{code.co_qualname} {code.co_filename}:{line}"

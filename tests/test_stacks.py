"""A worker that hangs says where: every thread, and every task down to what it awaits."""

import asyncio

from streams.stacks import stacks


def test_a_task_is_followed_to_what_it_waits_for() -> None:
    async def inner(never: asyncio.Event) -> None:
        await never.wait()

    async def outer(never: asyncio.Event) -> None:
        await inner(never)

    async def told() -> dict[str, list[str]]:
        never = asyncio.Event()
        task = asyncio.create_task(outer(never), name="lane")
        await asyncio.sleep(0)
        found = dict(stacks())
        task.cancel()
        return found

    found = asyncio.run(told())
    names = [place.split()[0].rpartition(".")[2] for place in found["task lane"]]
    assert names[:3] == ["outer", "inner", "wait"]
    assert any("stacks" in place for place in found["thread MainThread"])

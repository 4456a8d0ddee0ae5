"""Stock Faust as its tutorials have it: an agent, and a row read and written for each event."""

from typing import Any

import redis.asyncio as redis

from bench import logic
from bench.contenders import arguments, faust_app
from bench.meter import Meter
from state.customer import Customer
from state.shop import Rhythm

ARGUMENTS = arguments.read()
METER = Meter(ARGUMENTS.events, ARGUMENTS.result)
app, source, sink = faust_app.make(ARGUMENTS)
rows = redis.from_url(ARGUMENTS.redis)
rhythm = Rhythm()


@app.agent(source)
async def agent(stream: Any) -> None:
    """One event after the other."""
    async for value in stream:
        METER.begin()
        event = logic.decode_event(value)
        key = event.subject
        held: Any = await rows.get(key)
        row = Customer() if held is None else logic.decode_row(held)
        triggers = logic.apply(row, event, rhythm)
        for trigger in triggers:
            await sink.send(key=key.encode(), value=trigger)
        await rows.set(key, logic.encode_row(row))
        if METER.count(1, len(triggers)):
            METER.finish()


if __name__ == "__main__":
    faust_app.run(app)

"""Stock Faust at its best: a thousand events at a time, and a pipeline of Redis for their rows."""

from typing import Any

import redis.asyncio as redis

from bench import logic
from bench.contenders import arguments, faust_app
from bench.meter import Meter
from state.customer import Customer
from state.shop import Rhythm

ARGUMENTS = arguments.read()
METER = Meter(ARGUMENTS.events, ARGUMENTS.result)
TAKE, WITHIN_S = 1_000, 0.05
app, source, sink = faust_app.make(ARGUMENTS)
store = redis.from_url(ARGUMENTS.redis)
rhythm = Rhythm()


@app.agent(source)
async def agent(stream: Any) -> None:
    """A thousand events after the other."""
    async for values in stream.take(TAKE, within=WITHIN_S):
        METER.begin()
        events = [logic.decode_event(value) for value in values]
        names = list(dict.fromkeys(event.subject for event in events))
        pipeline = store.pipeline(transaction=False)
        for name in names:
            pipeline.get(name)
        held = await pipeline.execute()
        rows = {
            name: Customer() if row is None else logic.decode_row(row)
            for name, row in zip(names, held, strict=True)
        }
        said = 0
        for event in events:
            for trigger in logic.apply(rows[event.subject], event, rhythm):
                await sink.send(key=event.subject.encode(), value=trigger)
                said += 1
        pipeline = store.pipeline(transaction=False)
        for name, row in rows.items():
            pipeline.set(name, logic.encode_row(row))
        await pipeline.execute()
        if METER.count(len(events), said):
            METER.finish()


if __name__ == "__main__":
    faust_app.run(app)

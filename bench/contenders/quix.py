"""Quix Streams: a stateful function over a RocksDB store with its changelog topic, its defaults."""

from typing import Any

from quixstreams import Application
from quixstreams.state.rocksdb import RocksDBOptions

from bench import logic
from bench.contenders import arguments
from bench.meter import Meter
from state.customer import Customer
from state.shop import Rhythm

ARGUMENTS = arguments.read()
METER = Meter(ARGUMENTS.events, ARGUMENTS.result)
rhythm = Rhythm()
app = Application(
    broker_address=ARGUMENTS.broker, consumer_group=ARGUMENTS.group, loglevel="WARNING",
    auto_offset_reset="earliest", state_dir=str(ARGUMENTS.folder / "quix"),
    consumer_extra_config={"session.timeout.ms": 6_000, "fetch.wait.max.ms": 50},
    rocksdb_options=RocksDBOptions(dumps=logic.encode_row, loads=bytes),
)  # fmt: skip
source = app.topic(ARGUMENTS.topic, key_deserializer="bytes", value_deserializer="bytes")
# Quix asks the broker for it, and the embedded one does not know it.
source.broker_config.extra_config.setdefault("retention.ms", "-1")
sink = app.topic(ARGUMENTS.out, key_serializer="bytes", value_serializer="bytes")


def decide(value: bytes, _key: Any, _timestamp: int, _headers: Any, state: Any) -> list[bytes]:
    """One event after the other."""
    METER.begin()
    event = logic.decode_event(value)
    held = state.get("row")
    # Within a checkpoint the store gives back the very object.
    row = (
        held
        if isinstance(held, Customer)
        else Customer()
        if held is None
        else logic.decode_row(held)
    )
    triggers = logic.apply(row, event, rhythm)
    state.set("row", row)
    METER.count(1, len(triggers))
    return triggers


def commit(original: Any) -> Any:
    """The run is over when the checkpoint after the last event is done."""

    def checked(*args: Any, **options: Any) -> Any:
        result = original(*args, **options)
        if METER.events >= ARGUMENTS.events:
            METER.finish()
        return result

    return checked


if __name__ == "__main__":
    arguments.tune_collector()
    app.dataframe(source).apply(decide, stateful=True, metadata=True, expand=True).to_topic(sink)
    from quixstreams.checkpointing import Checkpoint

    Checkpoint.commit = commit(Checkpoint.commit)
    app.run()

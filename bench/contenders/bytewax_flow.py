"""Bytewax: a stateful map, its state in SQLite recovery stores at each epoch."""

from collections.abc import Iterable
from datetime import timedelta

import bytewax.operators as op
from bytewax._bytewax import cli_main
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir

from bench import logic
from bench.contenders import arguments
from bench.meter import Meter
from schemas.event import Event
from state.customer import Customer
from state.shop import Rhythm

EPOCH = timedelta(seconds=2)
ARGUMENTS = arguments.read()
METER = Meter(ARGUMENTS.events, ARGUMENTS.result)
rhythm = Rhythm()


def keyed(message: object) -> tuple[str, Event]:
    """An event by its customer."""
    METER.begin()
    event = logic.decode_event(message.value)  # type: ignore[attr-defined]
    return event.subject, event


def decide(row: Customer | None, event: Event) -> tuple[Customer, list[bytes]]:
    """One event after the other."""
    row = row or Customer()
    triggers = logic.apply(row, event, rhythm)
    if METER.count(1, len(triggers)):
        METER.finish()
    return row, triggers


def messages(said: tuple[str, list[bytes]]) -> Iterable[KafkaSinkMessage]:
    """Triggers as records."""
    return [KafkaSinkMessage(said[0].encode(), it) for it in said[1]]


if __name__ == "__main__":
    flow = Dataflow("w")
    source = KafkaSource([ARGUMENTS.broker], [ARGUMENTS.topic], batch_size=1_000, tail=True)
    events = op.map("key", op.input("in", flow, source), keyed)
    said = op.stateful_map("decide", events, decide)
    op.output(
        "out", op.flat_map("said", said, messages), KafkaSink([ARGUMENTS.broker], ARGUMENTS.out)
    )
    store = ARGUMENTS.folder / "bytewax"
    store.mkdir(parents=True, exist_ok=True)
    init_db_dir(store, 1)
    arguments.tune_collector()
    cli_main(
        flow,
        workers_per_process=1,
        epoch_interval=EPOCH,
        recovery_config=RecoveryConfig(str(store)),
    )

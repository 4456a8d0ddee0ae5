"""Webhooks are stopped at any moment, asked where they stand, and started again."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from live_shop import Shop, until
from webhook_receiver import Receiver
from webhook_sink import Sink, publish, sink_of

pytestmark = pytest.mark.live


def events(sink: Sink) -> list[str]:
    lines = [it for it in sink.log.read_text().splitlines() if it.startswith("{")]
    return [json.loads(it)["event"] for it in lines]


def test_who_is_stopped_before_it_has_partitions_gets_them_the_next_time(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    with sink_of(shop, tmp_path, ("hasty", receiver), hurry={}) as start:
        sink = start()
        until(lambda: "webhooks_started" in events(sink), "it has started")
        # In the middle of the join, which takes 3 s; or before it, which has to end as well.
        time.sleep(0.5)
        assert "webhook_partitions" not in events(sink)
        sink.stop()
        parcels = publish(shop, customers=2, each=2)
        sink = start()
        until(sink.ready, "it has partitions")
        wanted = {it.id for it in parcels}
        until(lambda: {it.id for it in receiver.taken()} >= wanted, "all have arrived")
        sink.stop()
    assert "webhook_group_not_left" not in events(sink)


def test_who_is_asked_by_a_signal_says_what_it_waits_for_and_goes_on(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    with sink_of(shop, tmp_path, ("asked", receiver)) as start:
        sink = start()
        until(sink.ready, "it is ready")
        os.kill(sink.process.pid, signal.SIGUSR2)
        until(lambda: "stack" in events(sink), "it says where it stands")
        until(sink.ready, "it goes on")
        sink.stop()


def test_while_kafka_is_away_it_is_said_once_and_ready_says_so(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    """The last one: the embedded broker forgets everything when it ends."""
    with sink_of(shop, tmp_path, ("alone", receiver)) as start:
        sink = start()
        until(sink.ready, "it is ready")
        shop.worker.kill()
        shop.servers.stop_kafka()
        until(lambda: sink.troubles().get("alone", "").startswith("kafka: "), "it says so")
        assert events(sink).count("webhook_kafka") == 1

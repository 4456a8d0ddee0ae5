"""Webhooks on real processes: nothing is lost, each customer's order holds, and all is reported."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from live_shop import Shop, now, open_shop, read, until
from webhook_parcels import parcel
from webhook_receiver import TIMEOUT_S, Receiver, Request, receiving

from schemas.codec import encode_json
from schemas.dead_letter import TOPIC as DEAD_LETTERS
from schemas.reviews import ReviewPosted
from streams.connection import Brokers
from streams.embedded import FREE_PORTS
from streams.producer import Outbound, Producer
from streams.webhooks.parcel import Parcel
from streams.webhooks.signature import keys_of, signed

pytestmark = pytest.mark.live

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ATTEMPTS = 4
_numbers = count(random.getrandbits(40))

TARGET = f"""
[targets.{{name}}]
url = "{{url}}"
timeout_s = {TIMEOUT_S}
attempts_max = {ATTEMPTS}
backoff_s = 0.05
backoff_max_s = 0.3
in_flight_max = 8
rate_per_s = 500
breaker_failures = 6
breaker_open_s = 0.2
breaker_open_max_s = 0.5
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


class Sink:
    """An `ebbtide webhooks` in a process of its own."""

    def __init__(self, shop: Shop, file: Path, port: int) -> None:
        self.log, self.port = file.with_suffix(".log"), port
        settings = shop.settings
        environment = {
            "EBBTIDE_BROKER": settings.broker, "EBBTIDE_WEBHOOKS": str(file),
            "EBBTIDE_WEBHOOK_KEY": KEY, "EBBTIDE_WEB_PORT": str(port), "EBBTIDE_LOG_JSON": "1",
            "EBBTIDE_SESSION_TIMEOUT_S": "2", "EBBTIDE_HEARTBEAT_S": "0.3",
        }  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams.main", "webhooks"],
                env=os.environ | environment, stdout=log, stderr=log,
            )  # fmt: skip

    def stop(self) -> None:
        """End it in order."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.log.read_text()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def sink_of(shop: Shop, folder: Path, *targets: tuple[str, Receiver]) -> Iterator[Any]:
    """Start sinks, as often as it is called, for these targets; all are ended afterwards."""
    file = folder / "webhooks.toml"
    file.write_text("".join(TARGET.format(name=name, url=it.url) for name, it in targets))
    port = random.choice(FREE_PORTS[::7])
    started: list[Sink] = []

    def start() -> Sink:
        started.append(Sink(shop, file, port))
        return started[-1]

    try:
        yield start
    finally:
        for it in started:
            it.kill()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(random.choice(FREE_PORTS[::11])) as receiver:
        yield receiver


def publish(shop: Shop, customers: int, each: int) -> list[Parcel]:
    """Triggers as a relay publishes them, some a customer."""
    who = [f"c{number}-{next(_numbers)}" for number in range(customers)]
    parcels = [
        parcel(customer_id, next(_numbers), decided_at=now())
        for _ in range(each)
        for customer_id in who
    ]

    async def send() -> None:
        producer = Producer(Brokers(shop.servers.broker))
        await producer.send([
            Outbound(
                it.source.place.topic, it.source.value, it.source.key,
                [(name, text.encode()) for name, text in it.source.headers.items()],
            )
            for it in parcels
        ])  # fmt: skip
        await asyncio.to_thread(producer.close)

    asyncio.run(send())
    return parcels


def reports(shop: Shop, target: str, wanted: set[str]) -> list[dict[str, Any]]:
    """The events about these triggers at a target; there have to be some for each."""

    def ours(records: list[Any]) -> list[dict[str, Any]]:
        events = [json.loads(it.value()) for it in records]
        return [it for it in events if it.get("trigger_id") in wanted and it["target"] == target]

    found = read(
        shop.servers.broker, "profiles",
        lambda records: {it["trigger_id"] for it in ours(records)} == wanted,
    )  # fmt: skip
    return ours(found)


def letters(shop: Shop, wanted: set[str]) -> Counter[str]:
    """How many dead letters there are of each of these triggers; there has to be one of each."""

    def ids(records: list[Any]) -> list[str]:
        headers = [dict(it.headers()) for it in records]
        return [it["ce_id"].decode() for it in headers if "ce_id" in it]

    if not wanted:
        return Counter()
    found = read(shop.servers.broker, DEAD_LETTERS, lambda them: wanted <= set(ids(them)))
    return Counter(it for it in ids(found) if it in wanted)


def check_order(taken: list[Request], parcels: list[Parcel], lost: set[str]) -> None:
    """Each customer's triggers came in order, all of them, none that was not published."""
    came: dict[str, list[str]] = {}
    for request in taken:
        ids = came.setdefault(request.customer_id, [])
        if request.id not in ids:
            ids.append(request.id)
    wanted: dict[str, list[str]] = {}
    for it in (it for it in parcels if it.id not in lost):
        wanted.setdefault(it.customer_id, []).append(it.id)
    assert came == wanted


def check_signatures(requests: list[Request]) -> None:
    for it in requests:
        timestamp = int(it.headers["webhook-timestamp"])
        assert it.headers["webhook-signature"] == signed(keys_of(KEY), it.id, timestamp, it.body)


def accidents(parcels: list[Parcel], receiver: Receiver, rng: random.Random) -> set[str]:
    """Plan what happens to them; returns those that must become dead letters."""
    lost = set()
    for it in parcels:
        draw = rng.random()
        if draw < 0.02:
            receiver.plans[it.id] = ["422"]
            lost.add(it.id)
        elif draw < 0.04:
            receiver.plans[it.id] = ["500", "…"]
            lost.add(it.id)
        elif draw < 0.25:
            steps = ["500", "503", "hang", "late", "drop", "429"]
            receiver.plans[it.id] = rng.choices(steps, k=rng.randint(1, ATTEMPTS - 1))
    return lost


def test_whatever_the_receiver_does_each_trigger_arrives_or_is_a_dead_letter(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    parcels = publish(shop, customers=30, each=8)
    lost = accidents(parcels, receiver, random.Random(5))
    assert len(lost) > 3
    with sink_of(shop, tmp_path, ("storm", receiver)) as start:
        sink = start()
        until(lambda: len(receiver.taken()) > 60, "some have arrived")
        receiver.stop()
        until(lambda: "webhook_target_fails" in sink.log.read_text(), "it is left alone")
        receiver.start()
        delivered = {it.id for it in parcels} - lost
        until(lambda: {it.id for it in receiver.taken()} >= delivered, "all have arrived")
        told = reports(shop, "storm", {it.id for it in parcels})
        sink.stop()

        check_order(receiver.taken(), parcels, lost)
        check_signatures(receiver.requests)
        assert letters(shop, lost) == dict.fromkeys(lost, 1)
        assert Counter(it["event_id"] for it in told) == Counter(
            f"webhook/storm/{it.id}/{'undelivered' if it.id in lost else 'delivered'}"
            for it in parcels
        )
        assert {it["customer_id"] for it in told} == {it.customer_id for it in parcels}
        # What is committed is done with: another process has nothing to do.
        requests = len(receiver.requests)
        more = publish(shop, customers=1, each=1)
        sink = start()
        until(lambda: receiver.taken()[-1].id == more[0].id, "a new one arrives")
        sink.stop()
        assert len(receiver.requests) == requests + 1


def test_a_sink_that_is_killed_loses_nothing_and_repeats_only_what_it_had_sent(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    parcels = publish(shop, customers=20, each=10)
    with sink_of(shop, tmp_path, ("killed", receiver)) as start:
        sink = start()
        for part in (40, 100, 160):
            until(lambda part=part: len(receiver.taken()) > part, f"{part} have arrived")  # type: ignore[misc]
            sink.kill()
            sink = start()
        wanted = {it.id for it in parcels}
        until(lambda: {it.id for it in receiver.taken()} >= wanted, "all have arrived")
        assert {it["type"] for it in reports(shop, "killed", wanted)} == {"trigger_delivered"}
        sink.stop()
    taken = [it for it in receiver.taken() if it.id in wanted]
    check_order(taken, parcels, set())


def test_a_target_that_is_down_keeps_no_other_from_its_triggers(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    dead = Receiver(random.choice(FREE_PORTS[::13]))
    with sink_of(shop, tmp_path, ("down", dead), ("well", receiver)) as start:
        sink = start()
        parcels = publish(shop, customers=10, each=3)
        wanted = {it.id for it in parcels}
        until(lambda: {it.id for it in receiver.taken()} >= wanted, "the other one has all")
        until(lambda: "webhook_target_fails" in sink.log.read_text(), "it is left alone")
        dead.start()
        until(lambda: {it.id for it in dead.taken()} >= wanted, "it has all when it is back")
        check_order([it for it in dead.taken() if it.id in wanted], parcels, set())
        assert letters(shop, set()) == {}
        sink.stop()
        dead.stop()


def test_a_complaint_becomes_a_webhook_and_the_customers_row_knows_that_it_arrived(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    with sink_of(shop, tmp_path, ("whole", receiver)) as start:
        sink = start()
        review = ReviewPosted(
            event_id="r-1", customer_id="whole-ann", occurred_at=now(), review_id="r-1",
            product_id="tent", rating=1, text="It leaks.",
        )  # fmt: skip

        async def send() -> None:
            producer = Producer(Brokers(shop.servers.broker))
            await producer.send([Outbound("reviews", encode_json(review), b"whole-ann")])
            await asyncio.to_thread(producer.close)

        asyncio.run(send())

        def request() -> Request | None:
            return next((it for it in receiver.taken() if it.customer_id == "whole-ann"), None)

        until(request, "the complaint arrives")
        it = request()
        assert it
        body = json.loads(it.body)
        assert body["type"] == "ebbtide.trigger.service_recovery"
        assert body["id"] == it.headers["webhook-id"]
        assert body["data"]["payload"]["text"] == "It leaks."

        def deliveries() -> Any:
            done = subprocess.run(
                [sys.executable, "-m", "streams.main", "customer", "whole-ann", "--json"],
                env=os.environ | {
                    "EBBTIDE_BROKER": shop.servers.broker, "EBBTIDE_REDIS_URL": shop.servers.redis_url,
                },
                capture_output=True, check=False, timeout=30,
            )  # fmt: skip
            return done.returncode == 0 and json.loads(done.stdout)["deliveries"]

        until(deliveries, "the row knows")
        told = deliveries()
        assert (told["delivered"], told["undelivered"], told["last_target"]) == (1, 0, "whole")
        sink.stop()

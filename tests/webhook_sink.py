"""An `ebbtide webhooks` for the live tests, and what has to be so when it has done its work."""

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from live_shop import Shop, now, read
from ports import free_port
from webhook_parcels import parcel
from webhook_receiver import Receiver, Request

from schemas.dead_letter import TOPIC as DEAD_LETTERS
from streams.connection import Brokers
from streams.producer import Outbound, Producer
from streams.webhooks.parcel import Parcel
from streams.webhooks.signature import keys_of, signed

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HURRY = {"EBBTIDE_SESSION_TIMEOUT_S": "2", "EBBTIDE_HEARTBEAT_S": "0.3"}
_numbers = count(random.getrandbits(40))

# A request that has no answer in time is made again, so only a receiver that lets some wait is
# waited for shortly: on a busy machine any answer may be late.
TARGET = {
    "timeout_s": 20, "attempts_max": 10, "backoff_s": 0.05, "backoff_max_s": 0.3,
    "in_flight_max": 8, "rate_per_s": 500, "breaker_failures": 6, "breaker_open_s": 0.2,
    "breaker_open_max_s": 0.5,
}  # fmt: skip
# For those that fail until a test has seen enough: a hundred attempts take most of a minute.
FAILS_LONG = {"attempts_max": 100, "backoff_max_s": 1.0}


class Sink:
    """An `ebbtide webhooks` in a process of its own."""

    def __init__(self, shop: Shop, file: Path, port: int, hurry: Mapping[str, str]) -> None:
        self.log, self.port = file.with_suffix(".log"), port
        settings = shop.settings
        self.environment = os.environ | {
            "EBBTIDE_BROKER": settings.broker, "EBBTIDE_WEBHOOKS": str(file),
            "EBBTIDE_WEBHOOK_KEY": KEY, "EBBTIDE_WEB_PORT": str(port), "EBBTIDE_LOG_JSON": "1",
            **hurry,
        }  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams.main", "webhooks"],
                env=self.environment, stdout=log, stderr=log,
            )  # fmt: skip

    def ready(self) -> bool:
        """Whether it says that it is."""
        return bool(json.loads(self._page("ready") or b'{"ok":false}')["ok"])

    def troubles(self) -> dict[str, str]:
        """What keeps its targets from their triggers, as it says; nothing where it says nothing."""
        found: dict[str, str] = json.loads(self._page("ready") or b"{}").get("troubles", {})
        return found

    def metric(self, name: str, target: str) -> float:
        """A gauge of a target; -1 where it is not shown yet."""
        found = re.search(
            rf'^{name}{{target="{target}"}} (.*)$', self._page("metrics").decode(), re.MULTILINE
        )
        return float(found[1]) if found else -1.0

    def _page(self, name: str) -> bytes:
        try:
            url = f"http://127.0.0.1:{self.port}/{name}"
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as refusal:
            return bytes(refusal.read())
        except OSError:
            return b""

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        """Run another command with the same settings."""
        return subprocess.run(
            [sys.executable, "-m", "streams.main", *arguments],
            env=self.environment, capture_output=True, check=False, timeout=60,
        )  # fmt: skip

    def stop(self) -> None:
        """End it in order."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        assert code == 0, f"exit code {code}: {self.log.read_text()}"

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def sink_of(
    shop: Shop, folder: Path, *targets: tuple[str, Receiver], hurry: Mapping[str, str] = HURRY,
    changes: Mapping[str, float] | None = None,
) -> Iterator[Any]:  # fmt: skip
    """Start sinks, as often as it is called, for these targets; all are ended afterwards.

    hurry: settings that have a group find its members sooner. changes: of the targets' settings.
    """
    folder.mkdir(exist_ok=True)
    file = folder / "webhooks.toml"
    keys = "".join(f"{key} = {it}\n" for key, it in (TARGET | dict(changes or {})).items())
    file.write_text("".join(f'[targets.{name}]\nurl = "{it.url}"\n{keys}' for name, it in targets))
    port = free_port()
    started: list[Sink] = []

    def start() -> Sink:
        started.append(Sink(shop, file, port, hurry))
        return started[-1]

    try:
        yield start
    finally:
        for it in started:
            it.kill()


def publish(shop: Shop, customers: int, each: int) -> list[Parcel]:
    """Triggers as a relay publishes them, some a customer."""
    parcels = made(customers, each)
    put(shop, parcels)
    return parcels


def made(customers: int, each: int, like: Sequence[Parcel] = ()) -> list[Parcel]:
    """Triggers that are not published yet. like: more for the same customers."""
    who = [it.customer_id for it in like[:customers]]
    who = who or [f"c{number}-{next(_numbers)}" for number in range(customers)]
    return [
        parcel(customer_id, next(_numbers), decided_at=now())
        for _ in range(each)
        for customer_id in who
    ]


def put(shop: Shop, parcels: Sequence[Parcel]) -> None:
    """Publish them."""
    send(
        shop,
        [
            Outbound(
                it.source.place.topic, it.source.value, it.source.key,
                [(name, text.encode()) for name, text in it.source.headers.items()],
            )
            for it in parcels
        ],
    )  # fmt: skip


def send(shop: Shop, records: Sequence[Outbound]) -> None:
    """Write records to the shop's broker."""

    async def all_of_them() -> None:
        producer = Producer(Brokers(shop.servers.broker))
        await producer.send(records)
        await asyncio.to_thread(producer.close)

    asyncio.run(all_of_them())


def reports(shop: Shop, target: str, wanted: set[str], each: int = 1) -> list[dict[str, Any]]:
    """The events about these triggers at a target; there have to be so many for each."""

    def ours(records: list[Any]) -> list[dict[str, Any]]:
        events = [json.loads(it.value()) for it in records]
        return [it for it in events if it.get("trigger_id") in wanted and it["target"] == target]

    def enough(records: list[Any]) -> bool:
        told = Counter(it["trigger_id"] for it in ours(records))
        return all(told[it] >= each for it in wanted)

    return ours(read(shop.servers.broker, "profiles", enough))


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

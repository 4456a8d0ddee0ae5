"""`ebbtide up`: two commands are a running shop, what dies comes back, and nothing stays behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest
from ports import free_port

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[1]
EBBTIDE = [sys.executable, "-m", "streams.main"]
# Short enough for a worker that is killed to be missed soon.
QUICK = {
    "EBBTIDE_SESSION_TIMEOUT_S": "2", "EBBTIDE_HEARTBEAT_S": "0.3", "EBBTIDE_REBALANCE_TIMEOUT_S": "2",
}  # fmt: skip

COMPLAINT = {
    "type": "review_posted", "event_id": "r-1", "customer_id": "ann", "review_id": "r-1",
    "product_id": "tent", "rating": 1, "text": "It leaks.",
}  # fmt: skip


class Up:
    """An `ebbtide up` in a folder of its own, on free ports. said: what it told when it was up."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("EBBTIDE_")
        } | QUICK | {"PYTHONPATH": str(ROOT)}  # fmt: skip
        self.log = folder / "up.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *EBBTIDE, "up", "--json", f"--workers={workers}", "--folder=here",
                    f"--kafka-port={free_port()}", f"--redis-port={free_port()}",
                    f"--web-port={free_port(*range(workers))}",
                ],
                cwd=folder, env=self.environment, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"it did not come up: {self.log.read_text()}"
        self.said: dict[str, Any] = json.loads(line)
        self.environment |= {
            "EBBTIDE_BROKER": self.said["kafka"], "EBBTIDE_REDIS_URL": self.said["redis"],
        }  # fmt: skip

    def run(self, *arguments: str, said: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command against it, with something on stdin."""
        return subprocess.run(
            [*EBBTIDE, *arguments], env=self.environment, input=said, text=True,
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip

    def ask(self, *arguments: str, said: str = "") -> list[Any]:
        """The objects that a command answers with --json; it has to succeed."""
        done = self.run(*arguments, "--json", said=said)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def get(self, number: int, path: str) -> tuple[int, str]:
        """The status and the body of a page of a worker."""
        port = int(self.said["workers"][number - 1]["web"].rpartition(":")[2])
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as error:
            return 0, str(error)
        finally:
            connection.close()

    def processes(self) -> list[psutil.Process]:
        """All that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)


@contextmanager
def running(folder: Path, workers: int, end: signal.Signals) -> Iterator[Up]:
    """Bring it up, and end it with a signal: that has to be clean."""
    up = Up(folder, workers)
    started = up.processes()
    try:
        yield up
        started += up.processes()
        up.process.send_signal(end)
        assert up.process.wait(30) == 0, up.log.read_text()
        assert not [it for it in started if it.is_running()]
    finally:
        up.process.kill()
        up.process.wait()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("a shop"), 2, signal.SIGTERM) as up:
        yield up


def until(is_so: Callable[[], object], what: str, within_s: float = 30.0) -> Any:
    deadline = time.monotonic() + within_s
    while not (answer := is_so()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.05)
    return answer


def test_a_complaint_that_is_published_is_a_trigger_for_those_who_watch(up: Up) -> None:
    watcher = subprocess.Popen(
        [*EBBTIDE, "watch", "--json", "--kind=service_recovery", "--limit=1", "--seconds=30"],
        env=up.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watcher.stderr
    assert watcher.stderr.readline().startswith("Watching triggers.service_recovery")
    event = json.dumps(COMPLAINT | {"occurred_at": time.time_ns() // 1_000_000})
    (summary,) = up.ask("publish", "-", said=event)
    assert (summary["sent"], summary["invalid"]) == (1, 0)
    told, _ = watcher.communicate(timeout=40)
    trigger = json.loads(told)
    assert watcher.returncode == 0
    assert sorted(trigger) == [
        "campaign", "causation_id", "channel", "country", "customer_id", "evidence", "expires_at",
        "id", "kind", "locale", "merged", "payload", "reason", "time", "time_zone",
    ]  # fmt: skip
    assert (trigger["kind"], trigger["customer_id"]) == ("service_recovery", "ann")
    assert trigger["causation_id"] == "r-1"
    assert trigger["payload"]["text"] == "It leaks."

    (again,) = up.ask("watch", "--from-start", "--kind=service_recovery", "--limit=1")
    assert again == trigger
    (decision,) = up.ask("watch", "--all", "--from-start", "--limit=1")
    assert (decision["outcome"], decision["id"]) == ("sent", trigger["id"])
    assert decision.items() > trigger.items()
    assert (decision["refused_before"], decision["gate"]) == (0, {})
    (view,) = up.ask("customer", "ann")
    assert view["ratings"]["last"] == 1
    assert view["said"][0]["kind"] == "service_recovery"
    assert up.run("customer", "nobody").returncode == 1


def test_a_simulated_shop_fills_the_topics(up: Up) -> None:
    (outcome,) = up.ask("simulate", "--customers=30", "--seconds=2", "--rate=50", "--days=30")
    assert outcome["simulation"] is True
    assert outcome["live_events"] >= 50
    counts = {it["topic"]: sum(p["end"] - p["first"] for p in it["partitions"])
              for it in up.ask("topics", "describe")}  # fmt: skip
    for topic, count in outcome["by_topic"].items():
        assert counts[topic] >= count

    def traits() -> Any:
        done = up.run("customer", "sim-1-0001", "--json")
        return json.loads(done.stdout)["traits"] if done.returncode == 0 else None

    until(lambda: traits() == {"source": "simulation"}, "the customer is known")

    def campaigns() -> set[str]:
        return {it["campaign"] for it in up.ask("report", "effect")}

    until(lambda: "abandoned_cart" in campaigns(), "what they left behind is spoken of")
    table = up.run("customer", "sim-1-0001").stdout
    assert "sim-1-0001" in table
    assert "purchases" in table


def test_dead_letters_are_listed_and_sent_again_once(up: Up) -> None:
    bad = ["not json", '{"type":"order_placed"}', "not json", "[]"]
    up.run("publish", "-", "--no-validate", "--topic=orders", said="\n".join(bad))

    def letters() -> list[Any]:
        return up.ask("dead-letters", "list", "--limit=0")

    found = until(lambda: (them := letters()) and len(them) == 4 and them, "four letters")
    assert sorted(it["reason"] for it in found) == [
        "missing_field",
        "not_json",
        "not_json",
        "not_json",
    ]
    assert {it["value"] for it in found} == set(bad)
    assert {it["source_topic"] for it in found} == {"orders"}
    assert len(up.ask("dead-letters", "list", "--reason=not_json", "--limit=2")) == 2
    (planned,) = up.ask("dead-letters", "requeue", "--dry-run")
    (sent,) = up.ask("dead-letters", "requeue")
    assert planned == sent
    assert (sent["sent"], sent["alike"], sent["by_topic"]) == (3, 1, {"orders": 3})
    # What is still wrong is a letter anew, and was not sent round and round.
    until(lambda: len(letters()) == 7, "seven letters")
    assert "not_json" in up.run("dead-letters", "list").stdout


def answers(up: Up, number: int, path: str) -> bool:
    return up.get(number, path)[0] == 200


def test_a_worker_shows_its_metrics_and_its_health(up: Up) -> None:
    for number in 1, 2:
        until(partial(answers, up, number, "/ready"), "it is ready")
        until(partial(answers, up, number, "/health"), "it is well")
        status, metrics = up.get(number, "/metrics")
        assert status == 200
        assert "ebbtide_events_total" in metrics


def test_a_worker_that_is_killed_is_started_again(up: Up) -> None:
    (pid,) = (it["pid"] for it in up.said["workers"] if it["number"] == 2)
    os.kill(pid, signal.SIGKILL)
    until(lambda: "worker_died" in up.log.read_text(), "the death is told")
    until(lambda: up.get(2, "/ready")[0] == 200, "a new worker is ready")
    assert str(Path(up.said["folder"]) / "worker-2.log") in up.log.read_text()
    assert up.process.poll() is None


def test_ctrl_c_ends_it_cleanly_and_the_folder_keeps_its_key(tmp_path: Path) -> None:
    with running(tmp_path, 1, signal.SIGINT) as up:
        key = tmp_path / "here" / "coupon.key"
        made = key.read_text()
        second = up.run("up", f"--folder={tmp_path / 'here'}")
        assert second.returncode == 1
        assert "Another `ebbtide up` runs in " in second.stderr
    assert key.read_text() == made
    assert key.stat().st_mode & 0o777 == 0o600

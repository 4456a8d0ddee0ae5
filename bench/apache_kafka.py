"""How do we run a real Kafka? One node (KRaft), which can be killed and started again.

For benchmarks and for tests. Its jars come from Maven Central, once, into ``build/apache-kafka``.
It needs Java 17 and Maven, and says so where they are missing: ``why_not()`` is the reason to skip.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from confluent_kafka.admin import AdminClient

from bench.java import java, maven
from streams.embedded import FREE_PORTS, GUARD, HOST

VERSION = "4.1.1"
_JARS = Path(__file__).parent.parent / "build" / "apache-kafka" / VERSION
_CLUSTER_ID = "ZWJidGlkZS10ZXN0cy0wMQ"
_START_S = 60.0

# slf4j-simple is Kafka's log on stderr: without a binding it would say nothing.
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>ebbtide</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
"""

# One broker keeps one copy of all. Workers may ask for short sessions, and need not wait for more
# of them at the first rebalance. Small offsets and transaction topics start faster.
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # A killed broker may register again when its old session has ended: 9 s by default.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
}


def why_not() -> str | None:
    """Why Apache Kafka cannot be run here; None where it can."""
    missing = [it for it in ("java", "mvn") if shutil.which(it) is None]
    return f"Apache Kafka needs {' and '.join(missing)}, not found here" if missing else None


class ApacheKafka:
    """One node on free ports of the loopback; ended at the end of the ``with``.

    settings: more of its server.properties, also in place of those above; ``{port}`` stands for the
    broker's port. format_options: more options for the formatting of its storage (SCRAM users).
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.folder = folder
        self.port, controller = _free_ports(2)
        self.broker = f"{HOST}:{self.port}"
        self._format_options = list(format_options)
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = _SETTINGS | {
            "listeners": f"PLAINTEXT://{self.broker},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.broker}",
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "log.dirs": str(folder / "kafka"),
        }
        for name, value in (settings or {}).items():
            self._settings[name] = value.replace("{port}", str(self.port))
            if name == "listeners":
                self._settings[name] += f",CONTROLLER://{HOST}:{controller}"

    def __enter__(self) -> Self:
        maven(_POM, _JARS)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(
            "".join(f"{name}={value}\n" for name, value in self._settings.items()), "utf-8"
        )
        tool = [*java(_JARS), "kafka.tools.StorageTool", "format", "--cluster-id", _CLUSTER_ID]
        tool += ["--config", str(self._properties), "--ignore-formatted", *self._format_options]
        subprocess.run(tool, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def log(self) -> Path:
        """What the broker says."""
        return self.folder / "kafka.log"

    def start(self) -> None:
        """Start it, for the first time or again: same port, same data."""
        command = [*java(_JARS, "-Xmx512m", "-Xms256m"), "kafka.Kafka", str(self._properties)]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _START_S
        while not self._answers():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start; the end of {self.log}:\n{self._tail()}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it in order, or at once when that takes too long."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
            self.kill()

    def _answers(self) -> bool:
        """Whether the broker's port is open; for a plaintext one, whether it knows itself."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1):
                pass
        except OSError:
            return False
        if "PLAINTEXT://" + self.broker not in self._settings["listeners"]:
            return True
        try:
            listed = AdminClient({"bootstrap.servers": self.broker, "log_level": 0})
            return bool(listed.list_topics(timeout=2).brokers)
        except Exception:  # noqa: BLE001 - not yet
            return False

    def _tail(self) -> str:
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-20:])


def _free_ports(count: int) -> list[int]:
    """None of those for outgoing connections: a broker that was killed wants its port back."""
    found: list[int] = []
    while len(found) < count:
        port = secrets.choice(FREE_PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            if port not in found:
                found.append(port)
    return found

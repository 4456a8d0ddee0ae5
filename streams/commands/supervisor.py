"""Who looks after the processes of `ebbtide up`? They start in order, are minded, and end in order.

The rule: workers end before the servers that they need, and nothing outlives this process.
"""

import os
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

import structlog
from msgspec import Struct

from config.settings import Settings
from streams.commands import terminal
from streams.commands.worker_process import WorkerProcess
from streams.connection import Brokers
from streams.embedded import Embedded, EmbeddedError, alone_in
from streams.topics import Topics, wanted_topics

log = structlog.get_logger()

PARTITIONS = 4
_LOOK_EVERY_S = 0.1
# The join of the group takes half a session timeout on the embedded broker, so ten times that.
_READY_WITHIN_S = 60.0
# Leaves the servers half of the ten seconds in which a Ctrl-C should be over.
_STOP_WITHIN_S = 5.0


class WorkerUp(Struct, frozen=True):
    """A worker that is ready."""

    number: int
    pid: int
    web: str
    log: str


class Up(Struct, frozen=True):
    """What is up, and where."""

    kafka: str
    redis: str
    folder: str
    workers: list[WorkerUp]


def prepare(folder: Path) -> None:
    """Make the folder. Raises EmbeddedError where it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The folder may lie in somebody's repository, where neither key nor logs belong.
        (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        raise EmbeddedError(
            f"{folder}: cannot be written to ({error.strerror}). Choose another --folder."
        ) from error


def own_key(folder: Path, name: str = "coupon") -> str | None:
    """The file with a key of the folder's own, made once; None if the environment names one.

    name: of the key, ``coupon`` or ``privacy``. Codes that were sent yesterday must be known today,
    so the key outlives the run.
    """
    variable = f"EBBTIDE_{name.upper()}_KEY"
    if os.environ.get(variable) or os.environ.get(f"{variable}_FILE"):
        return None
    file = folder / f"{name}.key"
    with suppress(FileExistsError):
        # Created with its mode, so that nobody else could read it at any moment.
        made = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.write(made, secrets.token_hex(32).encode())
        os.close(made)
    return str(file.absolute())


class House:
    """Everything that `up` starts."""

    def __init__(
        self, settings: Settings, folder: Path, kafka_port: int, redis_port: int, workers: int
    ) -> None:
        self._settings = settings
        self._folder = folder.absolute()
        self._kafka_port = kafka_port
        self._redis_port = redis_port
        self._stop = threading.Event()
        self._hurry = False
        environment = self._environment()
        self._workers = [
            WorkerProcess(it, settings.web_port + it - 1, self._folder, environment)
            for it in range(1, workers + 1)
        ]

    def run(self, kinds: Sequence[str], *, as_json: bool) -> int:
        """Start, mind and stop; returns the exit code. Raises EmbeddedError."""
        with self._signals(), ExitStack() as house:
            # What is removed from the folder below must not be another one's.
            refusal = (
                f"Another `ebbtide up` runs in {self._folder}. Stop it, or choose another folder"
                " with --folder, and other ports."
            )
            house.enter_context(alone_in(self._folder, refusal))
            servers = house.enter_context(self._servers())
            self._make_topics(kinds)
            house.callback(self._stop_workers)
            for worker in self._workers:
                worker.start()
            with terminal.err.status("Workers are joining the group"):
                self._wait_until_ready()
            if not self._stop.is_set():
                self._tell(as_json)
            self._mind(servers)
            if not as_json:
                terminal.err.print("Stopping.", style="dim")
        return 0

    def _environment(self) -> dict[str, str]:
        settings = self._settings
        mine = {
            "EBBTIDE_BROKER": settings.broker,
            "EBBTIDE_REDIS_URL": settings.redis_url,
            "EBBTIDE_CONFIG": str(Path(settings.config).absolute()),
            # The embedded broker takes transactions and does not keep what they promise.
            "EBBTIDE_TRANSACTIONS": "0",
        }
        if settings.coupon_key_file:
            mine["EBBTIDE_COUPON_KEY_FILE"] = settings.coupon_key_file
        if settings.privacy_key_file:
            mine["EBBTIDE_PRIVACY_KEY_FILE"] = settings.privacy_key_file
        return os.environ | mine

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM ask for the end; asked twice, it comes at once."""

        def asked(_: int, __: FrameType | None) -> None:
            self._hurry = self._stop.is_set()
            self._stop.set()

        before = {it: signal.signal(it, asked) for it in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for it, handler in before.items():
                signal.signal(it, handler)

    def _servers(self) -> Embedded:
        """Kafka and Redis, both empty.

        The embedded broker keeps nothing over a restart, and Redis does: positions in an old Redis
        would point past the end of a new journal, and nothing would be applied until it is as long.
        """
        folder = self._folder / "servers"
        shutil.rmtree(folder / "appendonlydir", ignore_errors=True)
        return Embedded(folder, self._kafka_port, self._redis_port)

    def _make_topics(self, kinds: Sequence[str]) -> None:
        wanted = wanted_topics(
            kinds, self._settings.group, journal_partitions=PARTITIONS, raw_partitions=PARTITIONS
        )
        Topics(Brokers(self._settings.broker)).create(wanted)

    def _wait_until_ready(self) -> None:
        """Return when all are, or when the end is asked for. Raises EmbeddedError if one ends."""
        deadline = time.monotonic() + _READY_WITHIN_S
        while not self._stop.is_set() and not all(it.is_ready() for it in self._workers):
            for worker in self._workers:
                if worker.exit_code() is not None:
                    raise EmbeddedError(
                        f"Worker {worker.number} ended at its start. {worker.last_words()}"
                    )
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"Worker {worker.number} was not ready within {_READY_WITHIN_S:.0f} s."
                        f" {worker.last_words()}"
                    )
            self._stop.wait(_LOOK_EVERY_S)

    def _mind(self, servers: Embedded) -> None:
        """Start again what dies, until the end is asked for. Raises EmbeddedError with Kafka."""
        while not self._stop.wait(_LOOK_EVERY_S):
            for name in servers.alive():
                where = self._folder / "servers" / f"{name}.log"
                if name == "kafka":
                    raise EmbeddedError(
                        f"The embedded Kafka has died, and its topics with it; its log is {where}."
                        " Start anew with `ebbtide up`."
                    )
                log.warning("redis_died", what="it is started again with its data", log=str(where))
                servers.start_redis()
            for worker in self._workers:
                worker.mind()

    def _stop_workers(self) -> None:
        deadline = time.monotonic() + _STOP_WITHIN_S
        for worker in self._workers:
            worker.terminate()
        running = list(self._workers)
        while running and not self._hurry and time.monotonic() < deadline:
            time.sleep(0.02)
            running = [it for it in running if it.exit_code() is None]
        for worker in running:
            worker.kill()

    def _tell(self, as_json: bool) -> None:
        """Say where everything is, and what to try next."""
        up = Up(
            self._settings.broker,
            self._settings.redis_url,
            str(self._folder),
            [WorkerUp(it.number, it.pid, it.web, str(it.log_file)) for it in self._workers],
        )
        if as_json:
            terminal.say_json(up)
            return
        say = terminal.out.print
        shown = terminal.table("", "where", "log")
        shown.add_row("Kafka", up.kafka, str(self._folder / "servers" / "kafka.log"))
        shown.add_row("Redis", up.redis, str(self._folder / "servers" / "redis.log"))
        for it in up.workers:
            shown.add_row(f"worker {it.number}", f"{it.web}/metrics", it.log)
        say(shown)
        say("\nIn another terminal")
        if self._settings.config != Settings().config:
            say(f"    export EBBTIDE_CONFIG={Path(self._settings.config).resolve()}")
        if self._settings.broker != Settings().broker:
            say(f"    export EBBTIDE_BROKER={up.kafka}")
        if self._settings.redis_url != Settings().redis_url:
            say(f"    export EBBTIDE_REDIS_URL={up.redis}")
        if key := self._settings.coupon_key_file:
            say(f"    export EBBTIDE_COUPON_KEY_FILE={key}")
        if key := self._settings.privacy_key_file:
            say(f"    export EBBTIDE_PRIVACY_KEY_FILE={key}")
        say("    ebbtide simulate            a simulated shop publishes")
        say("    ebbtide watch               what is said about it")
        say("    ebbtide topics describe     what lies in Kafka")
        say("\nCtrl-C stops it all.", style="dim")

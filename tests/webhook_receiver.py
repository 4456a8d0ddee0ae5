"""A receiver for the live tests: a real HTTP server that fails, hangs, is late, refuses and restarts."""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec import Struct

# The sink's timeout where answers are late, and how long a late one takes.
TIMEOUT_S = 0.6
LATE_S = 0.9
SLOW_S = 0.15


class Request(Struct, frozen=True):
    """A request that came in. status: what it was answered, 0 for nothing in time."""

    at: float
    id: str
    customer_id: str
    headers: dict[str, str]
    body: bytes
    status: int


class Receiver:
    """plans: what happens to the requests for a trigger, one after the other; then all is well.

    A step is a status, ``slow`` (a good answer, in time), or ``hang``, ``late`` (a good answer after the time is up) or ``drop`` (the
    connection breaks without an answer). A plan that ends with ``…`` repeats its last step.
    failing: triggers that are answered with an error as long as they are in there. stops_after: with
    so many good answers it stops by itself, once. side_by_side: customers of whom a request came in
    while another one was being answered.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/hook"
        self.plans: dict[str, list[str]] = {}
        self.failing: set[str] = set()
        self.stops_after = 0
        self.side_by_side: list[str] = []
        self._active: Counter[str] = Counter()
        self.requests: list[Request] = []
        self._tries: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen, again or for the first time."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._serve(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on; what hangs is let go."""
        self._closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def is_up(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    def has_taken(self, ids: set[str], enough: int = 0) -> bool:
        """Whether all of these have arrived, or so many."""
        there = len({it.id for it in self.taken()} & ids)
        return there >= (enough or len(ids))

    def quiet_for(self, seconds: float) -> Callable[[], bool]:
        """A question: have only those that fail come in for so long?"""
        taken = self.taken()[-1].at
        return lambda: self.requests[-1].at > taken + seconds

    def taken(self) -> list[Request]:
        """The requests with a good answer, the late ones too, in the order in which they came."""
        with self._lock:
            return [it for it in self.requests if it.status == 204]

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        at = time.monotonic()
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        step = self._step(headers["webhook-id"])
        status = 204 if step in ("late", "slow") else int(step) if step.isdecimal() else 0
        subject = json.loads(body)["subject"]
        with self._lock:
            self.requests.append(Request(at, headers["webhook-id"], subject, headers, body, status))
            if self._active[subject] > 0:
                self.side_by_side.append(subject)
            self._active[subject] += step == "slow"
            self.stops_after -= status == 204
            stops = status == 204 and self.stops_after == 0
        if stops:
            self.stop()
        if step == "slow":
            time.sleep(SLOW_S)
            with self._lock:
                self._active[subject] -= 1
        elif step in ("hang", "late"):
            self._closing.wait(LATE_S if step == "late" else 30)
        if status and not (step == "late" and self._closing.is_set()):
            words = b"" if status == 204 else b"not now"
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(words)))
            if status == 429:
                handler.send_header("Retry-After", "1")
            handler.end_headers()
            handler.wfile.write(words)
        if not status or self._closing.is_set():
            handler.close_connection = True

    def _step(self, trigger_id: str) -> str:
        if trigger_id in self.failing:
            return "500"
        with self._lock:
            number = self._tries[trigger_id]
            self._tries[trigger_id] += 1
        plan = self.plans.get(trigger_id, [])
        if plan and plan[-1] == "…":
            plan = plan[:-1]
            return plan[min(number, len(plan) - 1)]
        return plan[number] if number < len(plan) else "204"


@contextmanager
def receiving(port: int) -> Iterator[Receiver]:
    """A receiver that listens inside the block."""
    receiver = Receiver(port)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()

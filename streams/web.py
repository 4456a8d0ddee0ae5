"""What does a worker say when asked? Metrics for Prometheus; health and readiness that mean it."""

from typing import Any, Protocol

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


class Patient(Protocol):
    """Who is asked for its health."""

    def failing(self) -> list[str]:
        """Partitions whose batch fails again and again."""
        ...

    async def troubles(self) -> dict[str, str]:
        """What keeps it from its work, by what it needs."""
        ...


def add_pages(routes: web.UrlDispatcher, worker: Patient) -> None:
    """Serve ``/metrics``, ``/health`` and ``/ready``."""

    async def metrics(_: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=generate_latest(), headers=headers)

    async def health(_: web.Request) -> web.Response:
        """Alive: the event loop turns, and no batch fails again and again."""
        failing = worker.failing()
        return _answer(not failing, {"failing": failing})

    async def ready(_: web.Request) -> web.Response:
        """Doing its work: in the group, with Kafka and Redis answering, and nothing failing."""
        failing, troubles = worker.failing(), await worker.troubles()
        return _answer(not failing and not troubles, {"failing": failing, "troubles": troubles})

    routes.add_get("/metrics", metrics)
    routes.add_get("/health", health)
    routes.add_get("/ready", ready)


def _answer(good: bool, said: dict[str, Any]) -> web.Response:
    body = msgspec.json.encode({"ok": good, **said})
    return web.Response(body=body, status=200 if good else 503, content_type="application/json")

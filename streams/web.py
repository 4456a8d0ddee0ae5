"""What does a worker say when asked? ``/metrics`` for Prometheus, ``/health`` and ``/ready`` that mean it."""

from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from state.table import StoreError

if TYPE_CHECKING:
    from streams.app import Worker


def add_pages(worker: "Worker") -> None:
    """Serve the pages on the worker's web port."""
    routes = worker.app.web.web_app.router

    async def metrics(_: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=generate_latest(), headers=headers)

    async def health(_: web.Request) -> web.Response:
        """Alive: the event loop turns, and no batch fails again and again."""
        failing = [f"{tp.topic}/{tp.partition}" for tp in _failing(worker)]
        return _answer(not failing, {"failing": failing})

    async def ready(_: web.Request) -> web.Response:
        """Doing its work: in the group, with Redis answering, and nothing failing."""
        failing = [f"{tp.topic}/{tp.partition}" for tp in _failing(worker)]
        store = await _store_error(worker)
        said = {"in_group": worker.assigned, "store": store or "ok", "failing": failing}
        return _answer(worker.assigned and not store and not failing, said)

    routes.add_get("/metrics", metrics)
    routes.add_get("/health", health)
    routes.add_get("/ready", ready)


def _failing(worker: "Worker") -> list[Any]:
    return [*worker.ingest_lanes.failing(), *worker.engage_lanes.failing()]


async def _store_error(worker: "Worker") -> str:
    try:
        await worker.table.ping()
    except StoreError as error:
        return str(error)
    return ""


def _answer(good: bool, said: dict[str, Any]) -> web.Response:
    body = msgspec.json.encode({"ok": good, **said})
    return web.Response(body=body, status=200 if good else 503, content_type="application/json")

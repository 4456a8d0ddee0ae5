"""How does a program read a customer? ``GET /customers/ID`` on a worker's web port, with a token.

The law: the answer is what ``ebbtide customer ID --json`` prints, whichever worker is asked. Who
has no token learns nothing, not even whether a customer is known. ``/customers/ID/recommendations``
has what a storefront may show them now, where the policy that recommends is on.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from state.customer import RowError
from state.table import StoreError
from streams.customer.row import unknown

#: Reads of a customer by id; None where there is none. Raises StoreError and RowError.
LookUp = Callable[[str], Awaitable[Any]]

_NEVER_KEPT = {"Cache-Control": "no-store"}


def add_customers(
    routes: web.UrlDispatcher, token: str, look_up: LookUp, recommend: LookUp | None = None
) -> None:
    """Serve ``/customers/ID``. token: what a program has to send; empty: nobody is answered."""
    _add(routes, token, "/customers/{customer_id}", look_up)
    if recommend is not None:
        _add(routes, token, "/customers/{customer_id}/recommendations", recommend)


def _add(routes: web.UrlDispatcher, token: str, path: str, look_up: LookUp) -> None:
    async def customer(request: web.Request) -> web.Response:
        if not token:
            return _problem(403, "EBBTIDE_WEB_TOKEN is not set here, so nobody is answered")
        if not _is_allowed(request, token):
            return _problem(401, "send the worker's token: `Authorization: Bearer …`")
        customer_id = request.match_info["customer_id"]
        try:
            view = await look_up(customer_id)
        except (StoreError, RowError) as error:
            return _problem(503, str(error))
        return _problem(404, unknown(customer_id)) if view is None else _answer(200, view)

    routes.add_get(path, customer)


def _is_allowed(request: web.Request, token: str) -> bool:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    # As bytes: a header may hold anything, and the comparison takes ASCII texts alone.
    is_same = hmac.compare_digest(sent.strip().encode("utf-8", "surrogateescape"), token.encode())
    return is_same and scheme.lower() == "bearer"


def _problem(status: int, detail: str) -> web.Response:
    """What is wrong, by RFC 9457."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    body = msgspec.json.encode({"status": status, "detail": detail})
    return web.Response(
        body=body, status=status, content_type="application/problem+json",
        headers=_NEVER_KEPT | headers,
    )  # fmt: skip


def _answer(status: int, said: Any) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(said), status=status, content_type="application/json",
        headers=_NEVER_KEPT,
    )  # fmt: skip

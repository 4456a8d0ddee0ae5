"""Customers over HTTP: the token opens them, nothing else does, and the answer is the whole view."""

import asyncio
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from config.settings import ConfigError, Settings
from schemas.codec import encode_row
from state.customer import Customer
from state.table import StoreError
from streams.customer.page import add_customers
from streams.customer.view import View, view

TOKEN = "correct horse battery staple"
AT = 1_768_896_000_000
ANN = view("ann/ä", 3, encode_row(Customer(last_seen_at=AT, order_count=2, country="AT")), AT)


async def look_up(customer_id: str) -> View | None:
    if customer_id == "broken":
        raise StoreError("Redis does not answer")
    return ANN if customer_id == ANN.customer_id else None


def ask(path: str, authorization: str | None, token: str = TOKEN) -> tuple[int, Any, Any]:
    async def asked() -> tuple[int, Any, Any]:
        app = web.Application()
        add_customers(app.router, token, look_up)
        async with TestServer(app, host="127.0.0.1") as server, ClientSession() as client:
            headers = {} if authorization is None else {"Authorization": authorization}
            async with client.get(server.make_url(path), headers=headers) as answer:
                return answer.status, await answer.json(content_type=None), answer.headers

    return asyncio.run(asked())


def test_the_token_opens_the_whole_view_whatever_the_id_looks_like() -> None:
    status, body, headers = ask("/customers/ann%2F%C3%A4", f"Bearer {TOKEN}")
    assert status == 200
    assert body == msgspec.to_builtins(ANN)
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}", "Bearer \u00e4\u00e4\u00e4",
    ],
)  # fmt: skip
def test_without_the_token_nobody_learns_anything(authorization: str | None) -> None:
    known = ask("/customers/ann%2F%C3%A4", authorization)
    unknown = ask("/customers/nobody", authorization)
    assert known[0] == unknown[0] == 401
    assert known[1] == unknown[1]
    assert known[2]["WWW-Authenticate"] == "Bearer"


def test_a_worker_without_a_token_answers_nobody() -> None:
    status, body, _ = ask("/customers/ann", "Bearer ", token="")
    assert status == 403
    assert "EBBTIDE_WEB_TOKEN is not set here" in body["detail"]


def test_who_is_not_known_and_a_store_that_is_away_are_told_apart() -> None:
    status, body, _ = ask("/customers/nobody", f"Bearer {TOKEN}")
    assert (status, body["detail"].split(":")[0]) == (404, "customer 'nobody' is not known")
    status, body, _ = ask("/customers/broken", f"bearer  {TOKEN}")
    assert (status, body["detail"]) == (503, "Redis does not answer")


def test_a_token_that_could_be_guessed_stops_the_start() -> None:
    assert Settings().secret_web_token() == ""
    assert Settings(web_token=TOKEN).secret_web_token() == TOKEN
    with pytest.raises(ConfigError, match="EBBTIDE_WEB_TOKEN has 6 characters"):
        Settings(web_token="secret").secret_web_token()
    assert TOKEN not in repr(Settings(web_token=TOKEN))

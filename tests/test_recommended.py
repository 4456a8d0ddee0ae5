"""What a storefront may show: the visit's next products, at once, without what cannot be had."""

import asyncio

import msgspec
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from partition import Partition

from agents.product_recommendation import ProductRecommendation
from agents.win_back_coupon import WinBackCoupon
from schemas.clickstream import ProductViewed
from schemas.instant import MINUTE
from schemas.shop_events import StockChanged
from streams.customer.page import add_customers
from streams.customer.recommended import Shown, asked, read
from streams.simulated.story import moment

BEGIN = moment("2026-01-20")
AGENT = ProductRecommendation(looks_min=5, popular_min=3, products_min=2)
TOKEN = "correct horse battery staple"


def shop_of(*visits: str, category: str = "camping") -> Partition:
    """A partition after visits, each told as its visitor and products, one letter each."""
    shop = Partition(AGENT)
    number = 0
    for visit in visits:
        who, products = visit.split(":")
        for product_id in products:
            number += 1
            look = ProductViewed(
                event_id=f"e{number}", occurred_at=BEGIN + number * MINUTE, customer_id=who,
                product_id=product_id, category=category,
            )  # fmt: skip
            shop.facts(look, begin=number)
    return shop


def shown(shop: Partition, who: str) -> Shown | None:
    return asyncio.run(read(shop.table, 0, AGENT, who))


KNOWN = ("bob:abcd", "cem:abcd", "dee:abcd", "eve:abcd")


def test_it_has_what_others_look_at_next_and_the_look_before_it_counts_already() -> None:
    it = shown(shop_of(*KNOWN, "ann:ba"), "ann")
    assert it is not None
    assert (it.reason, it.visit) == ("looked_at_together", ["a", "b"])
    # What is in view is left out, and what was in view before is not.
    assert [product.product_id for product in it.products] == ["b", "c", "d"]


def test_what_is_sold_out_is_not_shown() -> None:
    shop = shop_of(*KNOWN, "ann:a")
    shop.facts(StockChanged("c", 0, event_id="s", occurred_at=BEGIN), begin=100)
    it = shown(shop, "ann")
    assert it is not None
    assert [product.product_id for product in it.products] == ["b", "d"]


def test_who_looks_at_something_new_is_shown_what_is_popular() -> None:
    it = shown(shop_of(*KNOWN, "ann:z"), "ann")
    assert it is not None
    assert (it.reason, it.visit) == ("popular", ["z"])
    assert [product.product_id for product in it.products] == ["a", "b", "c", "d"]


def test_nobody_is_shown_anything_who_is_not_known() -> None:
    assert shown(shop_of(*KNOWN), "nobody") is None


def test_only_where_the_policy_that_recommends_is_on_anybody_answers() -> None:
    assert asked([WinBackCoupon(), AGENT], "redis://127.0.0.1:1", 4) is not None
    assert asked([WinBackCoupon()], "redis://127.0.0.1:1", 4) is None


def test_the_web_port_answers_it_where_the_policy_is_on() -> None:
    shop = shop_of(*KNOWN, "ann:a")

    async def recommend(customer_id: str) -> Shown | None:
        return await read(shop.table, 0, AGENT, customer_id)

    async def ask(path: str, token: str, *, is_on: bool = True) -> tuple[int, object]:
        app = web.Application()
        add_customers(app.router, TOKEN, recommend, recommend if is_on else None)
        async with TestServer(app, host="127.0.0.1") as server, ClientSession() as client:
            headers = {"Authorization": f"Bearer {token}"}
            async with client.get(server.make_url(path), headers=headers) as answer:
                return answer.status, await answer.json(content_type=None) if is_on else None

    path = "/customers/ann/recommendations"
    assert asyncio.run(ask(path, TOKEN)) == (200, msgspec.to_builtins(shown(shop, "ann")))
    assert asyncio.run(ask(path, "x"))[0] == 401
    assert asyncio.run(ask("/customers/nobody/recommendations", TOKEN))[0] == 404
    assert asyncio.run(ask(path, TOKEN, is_on=False))[0] == 404

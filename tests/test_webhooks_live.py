"""Webhooks on real processes: nothing is lost, each customer's order holds, and all is reported."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from live_shop import Shop, now, until
from ports import free_port
from webhook_receiver import TIMEOUT_S, Receiver, Request
from webhook_sink import (
    FAILS_LONG,
    check_order,
    check_signatures,
    letters,
    made,
    publish,
    put,
    reports,
    send,
    sink_of,
)

from schemas.codec import encode_json
from schemas.reviews import ReviewPosted
from streams.producer import Outbound
from streams.webhooks.intake import WAITING_MAX
from streams.webhooks.parcel import Parcel

pytestmark = pytest.mark.live


def accidents(parcels: list[Parcel], receiver: Receiver, rng: random.Random) -> set[str]:
    """Plan what happens to them; returns those that must become dead letters."""
    lost = set()
    for it in parcels:
        draw = rng.random()
        if draw < 0.04:
            receiver.plans[it.id] = ["422"]
            lost.add(it.id)
        elif draw < 0.08:
            receiver.plans[it.id] = ["500", "…"]
            lost.add(it.id)
        elif draw < 0.25:
            steps = ["500", "503", "hang", "late", "drop", "429"]
            receiver.plans[it.id] = rng.choices(steps, k=rng.randint(1, 3))
    return lost


def test_whatever_the_receiver_does_each_trigger_arrives_or_is_a_dead_letter(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    parcels = publish(shop, customers=25, each=5)
    lost = accidents(parcels, receiver, random.Random(5))
    assert {tuple(receiver.plans[it]) for it in lost} == {("422",), ("500", "…")}
    # By itself, because whoever looks on may see it when all have arrived.
    receiver.stops_after = 30
    with sink_of(shop, tmp_path, ("storm", receiver), changes={"timeout_s": TIMEOUT_S}) as start:
        sink = start()
        until(lambda: not receiver.is_up(), "some have arrived")
        until(lambda: "webhook_target_fails" in sink.log.read_text(), "it is left alone")
        receiver.start()
        delivered = {it.id for it in parcels} - lost
        until(lambda: {it.id for it in receiver.taken()} >= delivered, "all have arrived")
        told = reports(shop, "storm", {it.id for it in parcels})
        sink.stop()

        check_order(receiver.taken(), parcels, lost)
        check_signatures(receiver.requests)
        assert letters(shop, lost) == dict.fromkeys(lost, 1)
        assert Counter(it["event_id"] for it in told) == Counter(
            f"webhook/storm/{it.id}/{'undelivered' if it.id in lost else 'delivered'}"
            for it in parcels
        )
        assert {it["customer_id"] for it in told} == {it.customer_id for it in parcels}
        # What is committed is done with: another process has nothing to do.
        requests = len(receiver.requests)
        more = publish(shop, customers=1, each=1)
        sink = start()
        until(lambda: receiver.taken()[-1].id == more[0].id, "a new one arrives")
        sink.stop()
        assert len(receiver.requests) == requests + 1


def test_a_sink_that_is_killed_loses_nothing_and_repeats_only_what_it_had_sent(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    parcels = publish(shop, customers=20, each=10)
    wanted = {it.id for it in parcels}
    # The first ones of five customers fail for a while, so what comes after them is done with first.
    receiver.failing = {it.id for it in parcels[:5]}
    behind = {it.id for it in parcels if it.customer_id in {it.customer_id for it in parcels[:5]}}
    with sink_of(shop, tmp_path, ("killed", receiver), changes=FAILS_LONG) as start:
        sink = start()
        for part in (40, 100):
            until(partial(receiver.has_taken, wanted, part), f"{part} have arrived")
            sink.kill()
            sink = start()
        until(partial(receiver.has_taken, wanted - behind), "all others have arrived")
        until(receiver.quiet_for(2.5), "all that may be committed is")
        sink.kill()
        receiver.failing = set()
        sink = start()
        until(lambda: {it.id for it in receiver.taken()} >= wanted, "all have arrived")
        assert {it["type"] for it in reports(shop, "killed", wanted)} == {"trigger_delivered"}
        sink.stop()
    taken = [it for it in receiver.taken() if it.id in wanted]
    check_order(taken, parcels, set())


def test_a_target_that_is_down_keeps_no_other_from_its_triggers(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    dead = Receiver(free_port())
    with sink_of(shop, tmp_path, ("down", dead), ("well", receiver)) as start:
        sink = start()
        parcels = publish(shop, customers=10, each=3)
        wanted = {it.id for it in parcels}
        until(lambda: {it.id for it in receiver.taken()} >= wanted, "the other one has all")
        until(lambda: "webhook_target_fails" in sink.log.read_text(), "it is left alone")
        dead.start()
        until(lambda: {it.id for it in dead.taken()} >= wanted, "it has all when it is back")
        check_order([it for it in dead.taken() if it.id in wanted], parcels, set())
        assert letters(shop, set()) == {}
        sink.stop()
        dead.stop()


def test_a_complaint_becomes_a_webhook_and_the_customers_row_knows_that_it_arrived(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    with sink_of(shop, tmp_path, ("whole", receiver)) as start:
        sink = start()
        review = ReviewPosted(
            event_id="r-1", customer_id="whole-ann", occurred_at=now(), review_id="r-1",
            product_id="tent", rating=1, text="It leaks.",
        )  # fmt: skip
        send(shop, [Outbound("reviews", encode_json(review), b"whole-ann")])

        def request() -> Request | None:
            return next((it for it in receiver.taken() if it.customer_id == "whole-ann"), None)

        until(request, "the complaint arrives")
        it = request()
        assert it
        body = json.loads(it.body)
        assert body["type"] == "ebbtide.trigger.service_recovery"
        assert body["id"] == it.headers["webhook-id"]
        assert body["data"]["payload"]["text"] == "It leaks."

        def deliveries() -> Any:
            done = subprocess.run(
                [sys.executable, "-m", "streams.main", "customer", "whole-ann", "--json"],
                env=os.environ | {
                    "EBBTIDE_BROKER": shop.servers.broker, "EBBTIDE_REDIS_URL": shop.servers.redis_url,
                },
                capture_output=True, check=False, timeout=30,
            )  # fmt: skip
            return done.returncode == 0 and json.loads(done.stdout)["deliveries"]

        until(deliveries, "the row knows")
        told = deliveries()
        assert (told["delivered"], told["undelivered"], told["last_target"]) == (1, 0, "whole")
        sink.stop()


def test_what_was_refused_is_delivered_once_the_receiver_is_mended(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    parcels = publish(shop, customers=4, each=2)
    lost = {it.id for it in parcels[::2]}
    receiver.plans |= {it: ["422"] for it in lost}
    with sink_of(shop, tmp_path, ("mended", receiver)) as start:
        sink = start()
        assert letters(shop, lost) == dict.fromkeys(lost, 1)
        sink.stop()
        listed = sink.run("dead-letters", "list", "--limit=0", "--json").stdout.splitlines()
        shown = [it for it in map(json.loads, listed) if it.get("target") == "mended"]
        assert {(it["trigger_id"], it["kind"], it["customer_id"]) for it in shown} == {
            (it.id, it.kind, it.customer_id) for it in parcels if it.id in lost
        }
        done = sink.run("dead-letters", "redeliver", "--target=mended", "--json")
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert (answer["delivered"], answer["undelivered"]) == (len(lost), {})
        for more, counts in (([], (0, len(lost))), (["--again"], (len(lost), 0))):
            done = sink.run("dead-letters", "redeliver", "--target=mended", "--json", *more)
            answer = json.loads(done.stdout)
            assert (answer["delivered"], answer["skipped"]) == counts
    again = [it for it in receiver.taken() if it.id in lost]
    assert {it.id for it in again} == lost
    check_signatures(again)
    told = reports(shop, "mended", lost, each=3)
    assert Counter(it["type"] for it in told) == {
        "trigger_undelivered": len(lost), "trigger_delivered": 2 * len(lost),
    }  # fmt: skip


def test_a_second_process_takes_its_share_and_the_order_holds(
    shop: Shop, receiver: Receiver, tmp_path: Path
) -> None:
    parcels = publish(shop, customers=24, each=5)
    with (
        sink_of(shop, tmp_path / "one", ("shared", receiver)) as start_one,
        sink_of(shop, tmp_path / "two", ("shared", receiver)) as start_two,
    ):
        one = start_one()
        until(lambda: len(receiver.taken()) > 30, "some have arrived")
        two = start_two()
        until(two.ready, "the second one has its share")
        until(one.ready, "the first one has what is left")
        more = made(customers=24, each=8, like=parcels)
        receiver.plans = {it.id: ["slow", "…"] for it in more}
        put(shop, more)
        parcels += more
        until(lambda: more[40].id in {it.id for it in receiver.taken()}, "both are at work")
        one.stop()
        assert "webhook_partitions" in two.log.read_text()
        wanted = {it.id for it in parcels}
        until(lambda: {it.id for it in receiver.taken()} >= wanted, "all have arrived")
        told = reports(shop, "shared", wanted)
        two.stop()
    assert receiver.side_by_side == []
    assert {it["event_id"] for it in told} == {f"webhook/shared/{it}/delivered" for it in wanted}
    check_order([it for it in receiver.taken() if it.id in wanted], parcels, set())


def test_what_waits_for_a_receiver_takes_no_more_memory_than_it_may(
    shop: Shop, tmp_path: Path
) -> None:
    slow = Receiver(free_port())
    with sink_of(shop, tmp_path, ("full", slow)) as start:
        sink = start()
        parcels = publish(shop, customers=1_500, each=1)
        until(lambda: sink.metric("ebbtide_webhook_waiting", "full") >= WAITING_MAX, "it is full")
        until(lambda: sink.metric("ebbtide_webhook_oldest_seconds", "full") > 2, "it stays full")
        assert sink.metric("ebbtide_webhook_waiting", "full") < WAITING_MAX + 100
        until(lambda: sink.metric("ebbtide_webhook_breaker", "full") > 0, "it is left alone")
        until(lambda: sink.troubles().get("full"), "it says so")
        assert not sink.ready()
        slow.start()
        wanted = {it.id for it in parcels}
        until(lambda: {it.id for it in slow.taken()} >= wanted, "all have arrived")
        until(lambda: sink.metric("ebbtide_webhook_waiting", "full") == 0, "nothing waits")
        until(sink.ready, "it is ready")
        sink.stop()
        slow.stop()
    assert Counter(it.id for it in slow.taken() if it.id in wanted) == dict.fromkeys(wanted, 1)

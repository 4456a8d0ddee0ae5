"""What is said to the shop: once a window, when it is over everywhere, and under the same id again."""

import asyncio
from typing import Any, ClassVar

import pytest
from led_shop import until
from ops_house import BEGIN, GAP, House, searches
from prometheus_client import REGISTRY

from agents.ops.lookout import Lookout
from agents.roster import known_agents
from agents.trend import Trend
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.ops import KINDS, Alert
from schemas.orders import Item, OrderPlaced
from state.table import StoreError
from streams.producer import DeliveryError


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def windows(outcome: str) -> float:
    return shown("ebbtide_ops_windows_total", agent="demand_gap", outcome=outcome) or 0.0


def test_an_alert_is_a_cloud_event_on_the_topic_of_its_kind_said_once() -> None:
    house = House()
    house.feed(0, *searches("tea", "ann"))
    house.feed(1, *searches("tea", "bob"))
    house.tick(BEGIN + DAY)
    assert house.look() == []
    house.tick(BEGIN + 26 * HOUR)
    assert house.look() == ["ops.demand_gap tea"]
    headers = dict(house.sent[0].headers or ())
    window = f"{BEGIN}/{BEGIN + DAY}"
    alert = Alert(
        kind="demand_gap", agent="demand_gap", subject="tea", begins_at=BEGIN, ends_at=BEGIN + DAY,
        reason="", evidence=None, payload=None,  # type: ignore[arg-type]
    )  # fmt: skip
    assert headers == {
        "ce_type": b"ebbtide.ops.demand_gap", "ce_specversion": b"1.0",
        "ce_id": alert.id.encode(), "ce_source": b"/ebbtide/ops", "ce_subject": b"tea",
        "ce_time": b"2026-01-21T00:00:00.000Z",
        "ce_causationid": f"demand_gap@{window}".encode(), "content-type": b"application/json",
    }  # fmt: skip
    assert house.look() == []
    assert house.noted == {"demand_gap": BEGIN + DAY}


def test_an_id_is_of_kind_subject_and_window() -> None:
    common: dict[str, Any] = {
        "kind": "trend", "agent": "trend", "subject": "tea", "begins_at": 0, "ends_at": DAY,
        "reason": "", "evidence": None, "payload": None,
    }  # fmt: skip
    others: list[dict[str, Any]] = [
        {"kind": "x"},
        {"subject": "x"},
        {"begins_at": DAY},
        {"ends_at": 2 * DAY},
    ]
    ids = [Alert(**(common | it)).id for it in ({}, *others)]
    assert len(set(ids)) == 5
    assert Alert(**(common | {"reason": "other"})).id == ids[0]


def test_a_partition_that_stands_still_holds_all_windows_back() -> None:
    house = House()
    house.feed(0, *searches("tea", "ann", "bob"), Tick(BEGIN + 30 * HOUR))
    house.feed(1, Tick(BEGIN + 20 * HOUR))
    assert house.look() == []
    assert shown("ebbtide_ops_held_back_seconds") == 10 * 3_600
    house.feed(1, *searches("tea", "cem"), Tick(BEGIN + 30 * HOUR))
    assert house.look() == ["ops.demand_gap tea"]
    assert b'"customers":3' in (house.sent[0].value or b"")
    assert shown("ebbtide_ops_held_back_seconds") == 0


def test_a_partition_that_has_never_ticked_holds_them_back_too() -> None:
    house = House()
    house.feed(0, *searches("tea", "ann", "bob"), Tick(BEGIN + 30 * HOUR))
    assert house.look() == []
    assert house.noted == {}


@pytest.mark.parametrize("fails", ["send", "note"])
def test_who_dies_before_it_is_noted_leaves_it_to_be_said_again_under_the_same_id(
    fails: str,
) -> None:
    house = House()
    house.feed(0, *searches("tea", "ann", "bob"))
    house.tick(BEGIN + 26 * HOUR)
    house.fails = fails
    with pytest.raises((StoreError, DeliveryError)):
        house.look()
    house.fails = ""
    house.tick(BEGIN + 27 * HOUR)
    assert house.look() == ["ops.demand_gap tea"]
    assert len(house.sent) == (2 if fails == "note" else 1)
    assert len({(it.headers or [])[2] for it in house.sent}) == 1
    assert len({it.value for it in house.sent}) == 1


def test_several_windows_that_are_over_are_said_in_their_order() -> None:
    house = House()
    for day in range(3):
        house.feed(0, *searches(f"q{day}", "ann", "bob", at=BEGIN + day * DAY))
    house.tick(BEGIN + 3 * DAY + 2 * HOUR)
    assert house.look() == [f"ops.demand_gap q{day}" for day in range(3)]


def test_what_was_held_back_for_longer_than_ledgers_keep_it_is_missed_and_counted() -> None:
    house = House()
    house.tick(BEGIN + 2 * HOUR)
    house.look()
    for day in range(6):
        at = BEGIN + day * DAY + 3 * HOUR
        house.feed(0, *searches(f"q{day}", "ann", "bob", at=at), Tick(at + 22 * HOUR))
    house.feed(0, Tick(BEGIN + 6 * DAY + 2 * HOUR))
    before = windows("missed"), windows("concluded")
    assert house.look() == []
    house.feed(1, Tick(BEGIN + 6 * DAY + 2 * HOUR))
    assert house.look() == ["ops.demand_gap q3", "ops.demand_gap q4", "ops.demand_gap q5"]
    assert (windows("missed") - before[0], windows("concluded") - before[1]) == (3, 3)


def test_what_ended_long_ago_by_the_wall_is_not_said_any_more() -> None:
    """As after a long stop, or where the rows are made anew from the journal."""
    house = House()
    house.feed(0, *searches("tea", "ann", "bob"))
    house.tick(BEGIN + 26 * HOUR)
    assert house.look(by_wall=True) == []
    assert house.noted == {"demand_gap": BEGIN + DAY}
    assert house.look() == []


def test_a_ledger_is_read_only_when_one_of_its_windows_is_over() -> None:
    house = House()
    house.feed(0, *searches("tea", "ann", "bob"))
    house.tick(BEGIN + 26 * HOUR)
    house.look()
    house.loads.clear()
    house.look()
    assert house.loads == [["sales"], ["sales"]]


class Broken(Trend, frozen=True):
    """Cannot conclude."""

    alert: ClassVar = "broken"

    def conclude(self, ledgers: Any, window: int) -> list[Alert]:
        """Fail."""
        raise ZeroDivisionError


def test_an_agent_that_fails_does_not_keep_the_others_from_speaking() -> None:
    house = House(Broken(), GAP)
    house.feed(0, *searches("tea", "ann", "bob"))
    house.tick(BEGIN + 26 * HOUR)
    with pytest.raises(ZeroDivisionError):
        house.look()
    assert [it.key for it in house.sent] == [b"tea"]
    assert house.noted.keys() == {"demand_gap"}


def order(number: int, cents: int, category: str, at: int) -> OrderPlaced:
    item = Item(product_id="p", price_cents=cents, category=category)
    return OrderPlaced(
        event_id=f"o{number}", customer_id=f"c{number}", occurred_at=at, order_id=f"o{number}",
        currency="EUR", products=(item,),
    )  # fmt: skip


def test_the_leader_shows_the_sales_and_who_leads_no_more_shows_none() -> None:
    house = House()
    house.feed(0, order(1, 500, "tea", BEGIN - DAY), order(2, 700, "tea", BEGIN + HOUR))
    house.feed(1, order(3, 200, "jam", BEGIN + HOUR))
    house.tick(BEGIN + 2 * HOUR)

    of_tea = {"currency": "EUR", "category": "tea"}
    of_all = {"currency": "EUR", "class": "(none)", "days": "28"}

    async def lead() -> None:
        async with house.leading():
            await until(lambda: shown("ebbtide_revenue_by_class", **of_all) == 1_400)
            assert shown("ebbtide_revenue_by_category", days="1", **of_tea) == 700
            assert shown("ebbtide_revenue_by_category", days="7", **of_tea) == 1_200
            house.leads = False
            await until(lambda: shown("ebbtide_revenue_by_class", **of_all) is None)

    asyncio.run(lead())


def test_who_does_not_lead_looks_at_nothing_and_a_failure_does_not_end_the_work() -> None:
    house = House()
    house.feed(0, *searches("tea", "ann", "bob"))
    house.tick(BEGIN + 26 * HOUR)

    async def lead() -> None:
        house.leads = False
        async with house.leading():
            await asyncio.sleep(0.1)
            assert house.loads == []
            house.leads, house.fails = True, "note"
            await until(lambda: len(house.sent) > 1)
            house.fails = ""
            await until(lambda: house.noted == {"demand_gap": BEGIN + DAY})

    asyncio.run(lead())


def test_every_kind_of_alert_has_its_topic_and_an_agent_that_says_it() -> None:
    lookouts = [it for it in known_agents().values() if issubclass(it, Lookout)]
    assert sorted(it.alert for it in lookouts) == sorted(KINDS)
    assert all(it.says == {} and it.keeps is not None for it in lookouts)

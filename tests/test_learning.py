"""Learning: once a day of the log, from all partitions, into all partitions; whoever dies on the way."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from learner import AT, LargeOrder, Mean, order
from led_shop import until
from msgspec import Struct
from prometheus_client import REGISTRY
from school import School

from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from state.model import Models
from state.table import StoreError
from streams.producer import DeliveryError


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def fits(outcome: str) -> float:
    return shown("ebbtide_model_fits_total", agent="large_order", outcome=outcome) or 0.0


def in_effect(school: School) -> list[str]:
    rows = [it.state()["ledgers"] for it in school.rows]
    found = [Models({"model:large_order": None} | it).read("large_order", Mean) for it in rows]
    return ["" if it is None else it.version for it in found]


def open_school(**settings: Any) -> School:
    """A school with an order in each partition."""
    school = School(**settings)
    school.feed(0, order(1, "ann", 100, AT))
    school.feed(1, order(2, "bob", 300, AT))
    return school


def test_a_model_of_all_ledgers_takes_effect_in_every_partition() -> None:
    school = open_school()
    school.tick(AT + HOUR)
    (first, entry), (second, same) = school.look()
    assert (first, second) == (0, 1)
    assert entry == same
    assert msgspec.json.decode(entry.model, type=Mean) == Mean(200, 2)
    assert in_effect(school) == [entry.version] * 2
    assert entry.version.startswith("2026-01-20.")
    assert entry.made_at == AT + HOUR
    assert [(it, made.by, made.ledgers) for it, made in school.kept] == [("large_order", "fit", 2)]


def test_a_day_has_one_model_and_the_next_day_another() -> None:
    school = open_school()
    school.tick(AT + HOUR)
    assert school.look()
    school.tick(AT + 2 * HOUR)
    assert school.look() == []
    school.tick(AT + DAY)
    assert [entry.version[:10] for _, entry in school.look()] == ["2026-01-21"] * 2


def test_hours_can_be_fewer_and_none_at_all() -> None:
    school = open_school(every_hours=1)
    school.tick(AT + HOUR)
    assert school.look()
    school.tick(AT + 2 * HOUR)
    assert school.look()
    asyncio.run(asyncio.wait_for(open_school(every_hours=0).work().run(), 1))


def test_the_slowest_partition_says_what_day_it_is() -> None:
    school = open_school()
    school.feed(0, Tick(AT + DAY))
    assert school.look() == []
    assert school.noted == {}
    school.feed(1, Tick(AT + HOUR))
    assert school.look()[0][1].made_at == AT + HOUR


def test_where_there_is_not_enough_yet_it_is_asked_again_the_next_day() -> None:
    school = School()
    school.feed(0, order(1, "ann", 100, AT))
    school.tick(AT + HOUR)
    assert school.look() == []
    school.feed(1, order(2, "bob", 100, AT + HOUR))
    school.tick(AT + 2 * HOUR)
    assert school.look() == []
    school.tick(AT + DAY)
    assert len(school.look()) == 2


@pytest.mark.parametrize("fails", ["keep", "send", "send_part", "note"])
def test_who_dies_on_the_way_leaves_the_day_to_be_fitted_again(fails: str) -> None:
    school = open_school()
    school.tick(AT + HOUR)
    school.fails = fails
    with pytest.raises((StoreError, DeliveryError)):
        school.look()
    assert school.noted == {}
    school.fails = ""
    # The log has gone on meanwhile, and so have the ledgers.
    school.feed(1, order(3, "bob", 800, AT + HOUR))
    school.tick(AT + 2 * HOUR)
    [(_, entry), _] = school.look()
    assert msgspec.json.decode(entry.model, type=Mean) == Mean(400, 3)
    assert in_effect(school) == [entry.version] * 2


def test_a_moment_that_was_fitted_already_is_not_fitted_anew() -> None:
    school = open_school()
    school.tick(AT + HOUR)
    school.fails = "note"
    with pytest.raises(StoreError):
        school.look()
    school.fails = ""
    assert school.look() == []
    assert school.noted == {"large_order": AT + HOUR}


def test_two_leaders_leave_every_partition_with_a_model_and_each_with_one() -> None:
    school = open_school()
    school.tick(AT + HOUR)

    async def both() -> None:
        await asyncio.gather(school.work().look(), school.work().look())

    asyncio.run(both())
    assert all(in_effect(school))
    counters = [it.state()["counters"] for it in school.rows]
    assert [it["models/large_order/in_effect"] for it in counters] == [1, 1]


class Broken(LargeOrder, frozen=True):
    """Cannot fit, in a way that its setting says."""

    way: str = "raises"

    def fit(self, ledgers: Sequence[Any], before: Struct | None, at: int) -> Any:
        match self.way:
            case "raises":
                raise ZeroDivisionError("no orders")
            case "other":
                return Struct()
            case "large":
                return Notes(0.0, 0, "x" * 300_000)
        return Mean(float("nan"), 1)


class Notes(Mean, frozen=True):
    """A model with too much in it."""

    text: str = ""


@pytest.mark.parametrize("way", ["raises", "other", "large", "nan"])
def test_an_agent_that_cannot_fit_is_counted_and_the_others_go_on(way: str) -> None:
    school = School(Broken(way=way), LargeOrder())
    school.feed(0, order(1, "ann", 100, AT), order(2, "ann", 300, AT))
    school.tick(AT + HOUR)
    assert [entry.agent for _, entry in school.look()] == ["large_order"] * 2
    assert shown("ebbtide_model_fits_total", agent="broken", outcome="failed")
    # It is not asked again every few seconds.
    assert school.noted == dict.fromkeys(["broken", "large_order"], AT + HOUR)


def test_the_leader_shows_the_model_in_effect_and_who_no_longer_leads_does_not() -> None:
    school = open_school()
    school.tick(AT + HOUR)
    made = fits("made")
    [(_, entry), _] = school.look()
    assert fits("made") == made + 1
    school.tick(AT + 3 * HOUR)
    school.look()
    version = {"agent": "large_order", "version": entry.version}
    assert shown("ebbtide_model_info", **version) == 1
    assert shown("ebbtide_model_age_seconds", agent="large_order") == 2 * 3_600
    assert shown("ebbtide_model_made_at_seconds", agent="large_order") == (AT + HOUR) / 1_000
    school.leads = False

    async def other() -> None:
        async with school.leading():
            await until(lambda: shown("ebbtide_model_info", **version) is None)

    asyncio.run(other())
    assert shown("ebbtide_model_age_seconds", agent="large_order") is None


def test_a_leader_goes_on_after_a_failure() -> None:
    school = open_school()
    school.tick(AT + HOUR)
    school.fails = "load"

    async def lead() -> None:
        async with school.leading():
            await asyncio.sleep(0.05)
            assert school.appended == []
            school.fails = ""
            await until(lambda: school.noted)

    asyncio.run(lead())
    assert all(in_effect(school))


def test_agents_that_are_held_keep_the_model_that_they_have() -> None:
    school = open_school(held=("large_order",))
    school.tick(AT + HOUR)
    asyncio.run(asyncio.wait_for(school.work().run(), 1))
    assert school.appended == []

"""`ebbtide models`: which there are, what is in one, and the way back to an older one."""

import json
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from command_line import Ebbtide, FakeInRedis, FakeKafka, put_in_place_of_kafka
from learner import AT, LargeOrder, Mean, order
from school import School
from structlog.testing import capture_logs

from config.settings import Settings
from schemas.codec import decode_record
from schemas.instant import DAY, HOUR
from schemas.journal import ModelEntry
from state.redis_models import MadeModel
from state.table import Loaded, Needs
from streams.commands import models_page
from streams.learning import standing


class Fake(FakeInRedis):
    """Four partitions, of which two have customers; it is the table and the shelf."""

    school: ClassVar[School]

    async def load(self, partition: int, needs: Needs) -> Loaded:
        return await self.school.load(partition, needs)

    async def keep(self, agent: str, made: MadeModel) -> None:
        await self.school.keep(agent, made)

    async def versions(self, agent: str) -> list[MadeModel]:
        return [made for name, made in self.school.kept if name == agent]


@pytest.fixture
def kafka(ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    monkeypatch.setattr(standing, "RedisTable", Fake)
    monkeypatch.setattr(standing, "RedisModels", Fake)
    learn(monkeypatch, LargeOrder)
    school = School(partitions=4)
    monkeypatch.setattr(Fake, "school", school, raising=False)
    school.feed(0, order(1, "ann", 100, AT), order(2, "ann", 300, AT))
    school.tick(AT + HOUR)
    return put_in_place_of_kafka(monkeypatch)


def learn(monkeypatch: pytest.MonkeyPatch, *agents: type[LargeOrder]) -> None:

    def learning(_: Settings) -> list[Any]:
        return list(agents)

    monkeypatch.setattr(models_page, "learning_agents", learning)


def made(*, days: int) -> list[str]:
    """The versions of so many days, each with another mean."""
    school, versions = Fake.school, []
    for day in range(days):
        school.feed(1, order(10 + day, "bob", 1_000 * (day + 1), AT + day * DAY))
        school.tick(AT + HOUR + day * DAY)
        with capture_logs():  # They would stand before what the command says.
            versions.append(school.look()[0][1].version)
    return versions


def answer(ebbtide: Ebbtide, *words: str) -> dict[str, Any]:
    code, told, complained = ebbtide("models", *words, "--json")
    assert (code, complained) == (0, "")
    found: dict[str, Any] = json.loads(told)
    return found


def test_models_are_listed_the_newest_first_with_where_they_are_in_effect(
    ebbtide: Ebbtide, kafka: FakeKafka
) -> None:
    old, new = made(days=2)
    # The newest has not reached one of the partitions yet.
    del Fake.school.rows[3].table._of(0).ledgers["model:large_order"]
    code, told, complained = ebbtide("models", "list")
    assert (code, complained) == (0, "")
    lines = [" ".join(it.split()) for it in told.splitlines()]
    assert lines == [
        "agent version made at in effect size fitted from",
        f"large_order {new} 2026-01-21T09:00:00.000Z 3 of 4 26 B 2 ledgers, 10 B",
        f"large_order {old} 2026-01-20T09:00:00.000Z - 38 B 2 ledgers, 10 B",
    ]


def test_a_model_is_shown_with_all_that_is_in_it(ebbtide: Ebbtide, kafka: FakeKafka) -> None:
    old, new = made(days=2)
    assert answer(ebbtide, "show", "large_order")["version"] == new
    found = answer(ebbtide, "show", "large_order", old)
    assert (found["version"], found["in_effect"], found["by"]) == (old, 0, "fit")
    assert found["model"] == {"cents": 1_400 / 3, "orders": 3}
    code, told, _ = ebbtide("models", "show", "large_order")
    assert code == 0
    assert '"orders": 4' in told
    assert "in 4 of 4 partitions" in told


def test_an_older_model_takes_effect_again_in_every_partition(
    ebbtide: Ebbtide, kafka: FakeKafka
) -> None:
    old, _ = made(days=2)
    code, told, complained = ebbtide("models", "use", "large_order", old)
    assert code == 0
    assert "in all 4 partitions" in " ".join(told.split())
    assert "`held`" in complained
    entries = [decode_record(it.value) for it in kafka.sent]
    assert [it.partition for it in kafka.sent] == [0, 1, 2, 3]
    [entry] = {msgspec.json.encode(it): it for it in entries}.values()
    assert isinstance(entry, ModelEntry)
    assert msgspec.json.decode(entry.model, type=Mean) == Mean(1_400 / 3, 3)
    # It is newer than what is in effect, so it stays.
    for rows in Fake.school.rows:
        rows.feed([entry])
    assert answer(ebbtide, "show", "large_order")["version"] == entry.version
    assert entry.version == "2026-01-21" + old[10:]
    assert answer(ebbtide, "show", "large_order")["by"] == "use"


def test_a_model_that_is_no_longer_kept_is_shown_as_long_as_it_is_in_effect(
    ebbtide: Ebbtide, kafka: FakeKafka
) -> None:
    [version] = made(days=1)
    Fake.school.kept.clear()
    found = answer(ebbtide, "show", "large_order", version)
    assert (found["in_effect"], found["by"]) == (4, "")
    _, told, _ = ebbtide("models", "list")
    assert "not known any more" in told


def test_what_is_not_there_is_said_with_what_is(
    ebbtide: Ebbtide, kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, told, complained = ebbtide("models", "list")
    assert (code, told) == (0, "")
    assert "No model yet: large_order. One is tried every 24 hours of the log" in complained
    code, _, complained = ebbtide("models", "show", "large_order")
    assert code == 1
    assert "large_order: no model is in effect; there are: none" in complained
    [version] = made(days=1)
    code, _, complained = ebbtide("models", "use", "large_order", "yesterday")
    assert code == 1
    assert f"there is no version 'yesterday'; there are: {version}" in complained
    code, _, complained = ebbtide("models", "show", "churn")
    assert code == 1
    assert "no agent 'churn' that is on decides by a model; there are large_order" in complained
    learn(monkeypatch)
    assert "; none does" in ebbtide("models", "show", "churn")[2]
    assert ebbtide("models", "list") == (0, "", models_page.NOBODY + "\n")


def test_agents_without_a_model_are_named_beside_those_that_have_one(
    ebbtide: Ebbtide, kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:

    class Waiting(LargeOrder, frozen=True):
        pass

    Waiting.name = "small_order"
    [version] = made(days=1)
    learn(monkeypatch, LargeOrder, Waiting)
    code, told, complained = ebbtide("models", "list")
    assert code == 0
    assert version in told
    assert "No model yet: small_order. One is tried every 24 hours" in complained
    (tmp_path / "never.toml").write_text("[models]\nevery_hours = 0\n")
    never = ("--config", str(tmp_path / "never.toml"))
    assert "None is made, for `every_hours`" in ebbtide("models", "list", *never)[2]
    assert ebbtide("models", "list", "--json", *never)[2] == ""


def test_a_model_of_another_type_is_not_gone_back_to(
    ebbtide: Ebbtide, kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch
) -> None:

    class Other(msgspec.Struct, frozen=True):
        weights: list[float]

    class Changed(LargeOrder, frozen=True):
        model: ClassVar = Other

    Changed.name = "large_order"
    [version] = made(days=1)
    learn(monkeypatch, Changed)
    code, _, complained = ebbtide("models", "use", "large_order", version)
    assert code == 1
    assert "of another type" in complained
    assert kafka.sent == []

"""Standing: a Kafka that is away is told of once a minute, and once when it is back."""

from typing import Any

import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from streams.webhooks.standing import Standing

REFUSED = KafkaError(KafkaError._TRANSPORT, "Connection refused")


class World:
    """A clock that is moved by hand, and a Kafka that answers or does not."""

    def __init__(self) -> None:
        self.at = 1_000.0
        self.answers = True
        self.standing = Standing("mailer", lambda: self.answers, lambda: self.at)

    def go_on(self, seconds: int, *, complains: bool = False) -> None:
        """Let time pass, ten looks a second."""
        for _ in range(seconds * 10):
            self.at += 0.1
            if complains:
                self.standing.hear(REFUSED)
            self.standing.look()


@pytest.fixture
def world() -> World:
    return World()


def told(logs: Any) -> list[tuple[str, int | None]]:
    return [(it["event"], it.get("more") or it.get("for_s")) for it in logs]


def test_a_kafka_that_is_away_is_told_of_once_a_minute_and_once_when_it_is_back(
    world: World,
) -> None:
    with capture_logs() as logs:
        world.standing.has(4)
        world.answers = False
        world.go_on(130, complains=True)
        assert world.standing.trouble() == "kafka: Connection refused"
        world.answers = True
        world.go_on(2)
        assert world.standing.trouble() == ""
        world.go_on(60)
    assert told(logs) == [
        ("webhook_partitions", None),
        ("webhook_kafka", None),
        ("webhook_kafka", pytest.approx(600, abs=2)),
        ("webhook_kafka", pytest.approx(600, abs=2)),
        ("mended", None),
    ]


def test_one_broker_of_many_that_is_away_is_no_trouble_and_no_flood(world: World) -> None:
    with capture_logs() as logs:
        world.standing.has(4)
        world.go_on(59, complains=True)
        assert world.standing.trouble() == ""
    assert [it["event"] for it in logs] == ["webhook_partitions", "webhook_kafka"]


def test_who_has_no_partitions_for_long_says_so_but_not_while_kafka_is_away(world: World) -> None:
    with capture_logs() as logs:
        world.go_on(14)
        assert logs == []
        world.go_on(64)
        world.standing.has(0)
        world.go_on(100)
        world.standing.has_none()
        world.answers = False
        world.go_on(100, complains=True)
    assert told(logs)[:3] == [
        ("webhook_without_partitions", 15),
        ("webhook_without_partitions", 75),
        ("webhook_partitions", None),
    ]
    assert {it["event"] for it in logs[3:]} == {"webhook_kafka"}
    assert world.standing.trouble() == "kafka: Connection refused"


def test_another_complaint_is_said_beside_the_first_one(world: World) -> None:
    forbidden = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "not allowed")
    with capture_logs() as logs:
        for error in (REFUSED, KafkaError(KafkaError._ALL_BROKERS_DOWN), forbidden, forbidden):
            world.standing.hear(error)
        world.go_on(1)
    assert [it["error"] for it in logs] == ["Connection refused", "not allowed"]
    assert world.standing.trouble() == "no partitions are assigned yet; kafka: not allowed"


def test_a_consumer_that_is_broken_for_good_is_told_before_all_else(world: World) -> None:
    world.answers = False
    world.standing.hear(REFUSED)
    world.standing.hear(KafkaError(KafkaError._FATAL, "fenced", True))
    world.standing.look()
    assert world.standing.trouble() == "its consumer is broken: fenced"
    assert not world.standing.is_joining()

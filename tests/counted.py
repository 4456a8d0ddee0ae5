"""What have four partitions counted? A campaign with an effect, for tests of what is said about it."""

from pathlib import Path
from typing import Self

import pytest
from command_line import put_in_place_of_kafka

#: Partition by partition. Of 2,000 sent to, 500 paid 50.00; of 500 held out, 80 did.
COUNTED: list[dict[str, int]] = [
    {
        "effect/win_back/sent/customers": 1_200, "effect/win_back/sent/ordered": 300,
        "effect/win_back/sent/visited": 600, "effect/win_back/sent/orders": 300,
        "effect/win_back/sent/money/EUR": 1_500_000, "effect/win_back/sent/squares_high/EUR": 7,
        "effect/win_back/sent/squares_low/EUR": 500_000_000, "effect/win_back/held_out/customers": 200,
        "effect/win_back/expected/mean": 200_000_000, "effect/win_back/expected/variance": 160_000_000,
        "gate/win_back/sent/passed": 1_300, "gate/win_back/suppressed/cap": 4, "cost/win_back/sent": 1_300,
    },
    {
        "effect/win_back/sent/customers": 800, "effect/win_back/sent/ordered": 200,
        "effect/win_back/sent/visited": 200, "effect/win_back/sent/orders": 200,
        "effect/win_back/sent/money/EUR": 1_000_000, "effect/win_back/sent/squares_high/EUR": 5,
        "effect/win_back/held_out/customers": 300, "effect/win_back/held_out/ordered": 80,
        "effect/win_back/held_out/visited": 190, "effect/win_back/held_out/orders": 80,
        "effect/win_back/held_out/money/EUR": 400_000, "effect/win_back/held_out/squares_high/EUR": 2,
        "effect/win_back/expected/mean": 300_000_000, "effect/win_back/expected/variance": 240_000_000,
        "gate/win_back/held_out/campaign": 510, "gate/win_back/deferred/quiet_hours": 7,
        "money/win_back/handed_out/EUR": 9_000, "money/win_back/redeemed/EUR": 1_334,
        "money/win_back/returned/EUR": 100, "cost/win_back/sent": 1_000,
    },
    {
        "effect/*/sent/customers": 20, "records/page_viewed/applied": 9,
        "gate/churn_alert/sent/quiet": 3, "cost/churn_alert/sent": 3,
    },
    {},
]  # fmt: skip

PRICES = "[effect]\nmargin_share = 0.3\n[agents.mail]\ncampaign = 'win_back'\nmessage_cost_cents = 0.25\n"


class FakeCounters:
    """The counters of four partitions."""

    counted: list[dict[str, int]] = COUNTED

    def __init__(self, _: str) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def counters(self, partition: int) -> dict[str, int]:
        return self.counted[partition]


def put_in_place_of_redis(monkeypatch: pytest.MonkeyPatch, folder: Path) -> type[FakeCounters]:
    """Let the report find these counters and prices where it looks for Redis and engine.toml."""
    # Here, because it takes scipy along, which no other test has to wait for.
    from streams.commands import effect_page

    put_in_place_of_kafka(monkeypatch)
    monkeypatch.setattr(effect_page, "RedisTable", FakeCounters)
    monkeypatch.setattr(FakeCounters, "counted", COUNTED)
    (folder / "engine.toml").write_text(PRICES)
    monkeypatch.setenv("EBBTIDE_CONFIG", str(folder / "engine.toml"))
    return FakeCounters

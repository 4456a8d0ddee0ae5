"""What have four partitions counted? A campaign with an effect, for tests of what is said about it."""

from pathlib import Path

import pytest
from command_line import FakeInRedis, put_in_place_of_kafka

#: Partition by partition. Of 10,000 sent to, 2,500 paid 50.00; of 2,500 held out, 400 did.
COUNTED: list[dict[str, int]] = [
    {
        "effect/win_back/sent/customers": 6_000, "effect/win_back/sent/ordered": 1_500,
        "effect/win_back/sent/visited": 3_000, "effect/win_back/sent/orders": 1_500,
        "effect/win_back/sent/money/EUR": 7_500_000, "effect/win_back/sent/squares_high/EUR": 35,
        "effect/win_back/sent/squares_low/EUR": 2_500_000_000, "effect/win_back/held_out/customers": 1_000,
        "effect/win_back/expected/mean": 1_000_000_000, "effect/win_back/expected/variance": 800_000_000,
        "gate/win_back/sent/passed": 11_500, "gate/win_back/suppressed/cap": 4, "cost/win_back/sent": 6_500,
        "effect/win_back/sent/messages": 6_000,
    },
    {
        "effect/win_back/sent/customers": 4_000, "effect/win_back/sent/ordered": 1_000,
        "effect/win_back/sent/visited": 1_000, "effect/win_back/sent/orders": 1_000,
        "effect/win_back/sent/money/EUR": 5_000_000, "effect/win_back/sent/squares_high/EUR": 25,
        "effect/win_back/held_out/customers": 1_500, "effect/win_back/held_out/ordered": 400,
        "effect/win_back/held_out/visited": 950, "effect/win_back/held_out/orders": 400,
        "effect/win_back/held_out/money/EUR": 2_000_000, "effect/win_back/held_out/squares_high/EUR": 10,
        "effect/win_back/expected/mean": 1_500_000_000, "effect/win_back/expected/variance": 1_200_000_000,
        "gate/win_back/held_out/campaign": 2_550, "gate/win_back/deferred/quiet_hours": 7,
        "money/win_back/handed_out/EUR": 45_000, "money/win_back/redeemed/EUR": 6_670,
        "money/win_back/returned/EUR": 500, "cost/win_back/sent": 5_000,
        "effect/win_back/sent/messages": 4_500, "effect/win_back/sent/redeemed/EUR": 6_170,
        "effect/win_back/sent/returned/EUR": 500,
    },
    {
        "effect/*/sent/customers": 20, "records/page_viewed/applied": 9,
        "gate/churn_alert/sent/quiet": 3, "cost/churn_alert/sent": 3,
    },
    {},
]  # fmt: skip

PRICES = "[effect]\nmargin_share = 0.3\n[agents.mail]\ncampaign = 'win_back'\nmessage_cost_cents = 0.25\n"


class FakeCounters(FakeInRedis):
    """The counters of four partitions."""

    counted: list[dict[str, int]] = COUNTED

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

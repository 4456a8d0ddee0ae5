"""The examples of docs/ops-topics.md: three histories under the shipped settings, and what they say."""

import tomllib
from collections.abc import Iterable

import msgspec
from partition import Partition, journal
from shop_ledgers import concluded

from agents.ops.lookout import Lookout
from agents.roster import hire
from config.settings import DEFAULT_CONFIG
from schemas.clickstream import ProductsSearched, ProductViewed
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.ops import Alert, alert_message
from schemas.reviews import ReviewPosted
from streams.simulated.story import moment

BEGIN = moment("2026-01-20")
_SHIPPED = tomllib.loads(DEFAULT_CONFIG.read_text("utf-8"))["agents"]


def reputation() -> Iterable[Event]:
    """Thirty days of good reviews, and one of bad ones."""
    for day in range(31):
        stars = (5, 4) if day < 30 else (1, 2, 1, 3, 2, 1, 1, 2)
        for it, rating in enumerate(stars):
            yield ReviewPosted(
                event_id=f"r{day}-{it}", customer_id=f"c{day}-{it}",
                occurred_at=BEGIN + (day - 30) * DAY + 9 * HOUR, review_id=f"r{day}-{it}",
                product_id="kettle", rating=rating,
            )  # fmt: skip


def demand_gap() -> Iterable[Event]:
    """Fourteen customers, who type it in several ways."""
    for it in range(14):
        yield ProductsSearched(
            event_id=f"s{it}", customer_id=f"c{it}", occurred_at=BEGIN + 9 * HOUR + it,
            query=("oat milk", "Oat-Milk", " OAT  milk!")[it % 3], result_count=0,
        )  # fmt: skip


def trend() -> Iterable[Event]:
    """Ten days in which all is as it was, and one in which garden is not."""
    for day in range(11):
        for category, views in (("garden", 20 if day < 10 else 95), ("kitchen", 120)):
            for it in range(views):
                yield ProductViewed(
                    event_id=f"v{day}-{category}-{it}", customer_id=f"c{it}",
                    occurred_at=BEGIN + (day - 10) * DAY + 9 * HOUR + it, product_id="p",
                    category=category,
                )  # fmt: skip


def concluded_from(name: str, events: Iterable[Event]) -> Alert:
    """The one thing that an agent says about a history."""
    [agent] = hire({name: _SHIPPED[name]})
    assert isinstance(agent, Lookout)
    partition = Partition(agent)
    for offset, event in enumerate(events):
        # The clock comes along, or all of it would be of windows that wait.
        partition.feed(journal([Tick(event.occurred_at - HOUR), event], offset))
    partition.feed([Tick(BEGIN + 26 * HOUR)])
    [alert] = concluded(agent, partition)[BEGIN // DAY]
    return alert


ALERTS = {
    "reputation_alert": concluded_from("reputation", reputation()),
    "demand_gap": concluded_from("demand_gap", demand_gap()),
    "trend": concluded_from("trend", trend()),
}


def blocks_of(alert: Alert) -> tuple[str, str]:
    """Headers and body, as the page shows them."""
    message = alert_message(alert)
    lines = [("topic", message.topic), ("key", message.key.decode())]
    lines += [(header, value.decode()) for header, value in message.headers]
    headers = "".join(f"{header:<16}{value}\n" for header, value in lines)
    return headers, msgspec.json.format(message.value, indent=2).decode() + "\n"


if __name__ == "__main__":
    for one in ALERTS.values():
        print("\n".join(blocks_of(one)))

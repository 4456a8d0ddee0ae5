"""Fair arms: what only comes for those who were sent something changes nothing about how they count."""

from partition import Partition
from voices import News

from schemas.event import Event
from schemas.instant import HOUR, MINUTE
from schemas.orders import Item, OrderPlaced
from schemas.profiles import ErasureRequested, TriggerDelivered
from state.customer import EVENT_IDS_MAX
from streams.simulated.story import moment

BEGIN = moment("2026-01-20 08:00")


def order(order_id: str, at: int, event_id: str) -> OrderPlaced:
    item = Item("tea", price_cents=900)
    return OrderPlaced(
        event_id=event_id, occurred_at=at, customer_id="ann", order_id=order_id, products=(item,),
        currency="EUR",
    )  # fmt: skip


def report(number: int, at: int) -> Event:
    return TriggerDelivered(
        event_id=f"report-{number}", occurred_at=at, customer_id="ann", trigger_id=f"t{number}",
        kind="news", target="mailer", attempts=1,
    )  # fmt: skip


def test_an_order_is_known_by_its_own_id_whatever_its_event_is_called() -> None:
    shop = Partition(News())
    shop.facts(order("one", BEGIN, "a"), order("one", BEGIN, "b"), order("two", BEGIN + HOUR, "c"))

    row = shop.row("ann")
    assert row is not None
    assert (row.order_count, row.spent_cents) == (2, 1_800)
    assert shop.state()["counters"]["records/order_placed/duplicate"] == 1


def test_reports_push_no_event_out_of_what_a_row_knows() -> None:
    shop = Partition(News())
    shop.facts(order("one", BEGIN, "a"))
    shop.facts(*(report(it, BEGIN + it) for it in range(2 * EVENT_IDS_MAX)), begin=1)
    before = shop.row("ann")
    assert before is not None
    assert before.deliveries is not None
    assert before.deliveries.delivered == 2 * EVENT_IDS_MAX

    # The row would know an order by its own id, too: this one has another.
    shop.facts(order("other", BEGIN + MINUTE, "a"), begin=100)

    assert shop.row("ann") == before


def test_a_report_of_somebody_who_was_forgotten_begins_no_row() -> None:
    shop = Partition(News())
    forgotten = ErasureRequested(event_id="e", occurred_at=BEGIN + HOUR, customer_id="ann")
    shop.facts(order("one", BEGIN, "a"), forgotten, report(1, BEGIN + 2 * HOUR))

    assert shop.row("ann") is None
    assert shop.state()["due"] == {}
    assert shop.state()["counters"]["records/trigger_delivered/unknown"] == 1

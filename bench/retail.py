"""What did a web shop's year look like? Online Retail as orders and refunds, in time order.

A British web shop's invoices from December 2010 (Chen, Sain and Guo 2012; UCI). A credit note does
not say which order it is for, so it is money back for an order that nobody knows. Lines without a
customer are left out. The times carry no zone and are taken for UTC.
"""

import csv
import lzma
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from schemas.event import Event
from schemas.orders import Item, OrderPlaced, OrderRefunded

FILE = "online_retail_to_2011-09-09.csv.xz"


def events(folder: Path) -> Iterator[Event]:
    """Invoices as events, by time and then by number."""
    found: dict[str, tuple[int, str, int]] = {}
    with lzma.open(folder / FILE, "rt", encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            if not line["CustomerID"]:
                continue
            moment = datetime.fromisoformat(line["InvoiceDate"]).replace(tzinfo=UTC)
            at, number = round(moment.timestamp() * 1000), line["InvoiceNo"]
            cents = round(float(line["Quantity"]) * float(line["UnitPrice"]) * 100)
            # A few invoices took a minute to write.
            first_at, who, sum_cents = found.get(number, (at, line["CustomerID"], 0))
            found[number] = (first_at, who, sum_cents + cents)
    for number, (at, who, cents) in sorted(found.items(), key=lambda it: (it[1][0], it[0])):
        customer_id = who.removesuffix(".0")
        if number.startswith("C"):
            yield OrderRefunded(
                event_id=number, customer_id=customer_id, occurred_at=at, order_id=number,
                refund_cents=max(0, -cents),
            )  # fmt: skip
        else:
            yield OrderPlaced(
                event_id=number, customer_id=customer_id, occurred_at=at, order_id=number,
                currency="GBP", products=(Item(product_id="goods"),), total_cents=max(0, cents),
            )  # fmt: skip

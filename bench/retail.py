"""What did a web shop's year look like? Online Retail as orders and refunds, in time order.

A British web shop's invoices from December 2010 (Chen, Sain and Guo 2012; UCI). How they are read:

- An invoice is an order, and each of its lines stays a line, also where two are the same. Lines
  without a customer are left out, and counted. The times carry no zone and are taken for UTC; an
  invoice that took a minute to write counts from its first line on.
- A number that starts with C is a credit note. It does not say of which order, so each of its lines
  goes back to the customer's newest earlier order of that product, as far as as many of it have not
  gone back yet, then to the one before it, and so on: one refund for each order, of the credit
  note's own prices.
- What is then left was ordered before the data begin, or was no product (a discount, a manual
  correction). It is a refund of an order that nobody knows, by the credit note's number; such
  refunds are counted.
"""

import csv
import lzma
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from msgspec import Struct, field

from schemas.event import Event
from schemas.orders import Item, OrderPlaced, OrderRefunded

FILE = "online_retail_to_2011-09-09.csv.xz"


class Line(Struct, gc=False):
    """One line of an invoice. left: how many have not gone back."""

    product: str
    quantity: int
    price: Decimal
    left: int = 0


class Invoice(Struct):
    """An order, or a credit note."""

    number: str
    who: str
    at: int
    lines: list[Line] = field(default_factory=list)

    @property
    def is_credit(self) -> bool:
        """Whether money goes back."""
        return self.number.startswith("C")


def read(path: Path) -> tuple[list[Event], dict[str, int]]:
    """All events by time, and what was counted on the way. path: the file, or its folder.

    Raises OSError where there is none.
    """
    counted: Counter[str] = Counter()
    invoices = _invoices(path if path.is_file() else path / FILE, counted)
    bought: dict[tuple[str, str], list[tuple[str, Line]]] = defaultdict(list)
    events: list[Event] = []
    # The sort keeps those of one minute as they stand in the file.
    for invoice in sorted(invoices, key=lambda it: it.at):
        if invoice.is_credit:
            counted["credit notes"] += 1
            events += _refunds(invoice, bought, counted)
        else:
            counted["orders"] += 1
            events.append(_order(invoice))
            for line in invoice.lines:
                bought[invoice.who, line.product].append((invoice.number, line))
    return events, dict(counted)


def _invoices(file: Path, counted: Counter[str]) -> list[Invoice]:
    found: dict[str, Invoice] = {}
    with lzma.open(file, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            counted["lines"] += 1
            if not row["CustomerID"]:
                counted["lines without a customer"] += 1
                continue
            number = row["InvoiceNo"]
            invoice = found.get(number)
            if invoice is None:
                moment = datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC)
                who = row["CustomerID"].removesuffix(".0")
                invoice = Invoice(number, who, round(moment.timestamp() * 1000))
                found[number] = invoice
            quantity = abs(int(float(row["Quantity"])))
            line = Line(row["StockCode"], quantity, Decimal(row["UnitPrice"]), quantity)
            invoice.lines.append(line)
    return [*found.values()]


def _order(invoice: Invoice) -> OrderPlaced:
    # What else was in it is left out, for nothing that is counted again asks.
    first = invoice.lines[0]
    item = Item(first.product, first.quantity, _cents(first.price))
    return OrderPlaced(
        event_id=invoice.number, customer_id=invoice.who, occurred_at=invoice.at,
        order_id=invoice.number, currency="GBP", products=(item,),
        total_cents=sum(_cents(it.price * it.quantity) for it in invoice.lines),
    )  # fmt: skip


def _refunds(
    credit: Invoice, bought: dict[tuple[str, str], list[tuple[str, Line]]], counted: Counter[str]
) -> Iterator[OrderRefunded]:
    """One refund for each order that a credit note is about, and one for what is of none."""
    cents: dict[str, int] = {}
    for line in credit.lines:
        left = line.quantity
        for number, sold in reversed(bought[credit.who, line.product]):
            taken = min(left, sold.left)
            if taken:
                sold.left -= taken
                left -= taken
                cents[number] = cents.get(number, 0) + _cents(line.price * taken)
        counted["credited lines"] += 1
        if left:
            counted["credited lines without an order"] += 1
            unknown = _cents(line.price * left)
            counted["cents without an order"] += unknown
            cents[credit.number] = cents.get(credit.number, 0) + unknown
    for number, back in cents.items():
        counted["refunds"] += 1
        counted["refunds without an order"] += number == credit.number
        counted["cents refunded"] += back
        yield OrderRefunded(
            event_id=f"{credit.number}/{number}", customer_id=credit.who, occurred_at=credit.at,
            order_id=number, refund_cents=back,
        )  # fmt: skip


def _cents(pounds: Decimal) -> int:
    return int((pounds * 100).to_integral_value(ROUND_HALF_UP))

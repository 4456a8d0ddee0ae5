"""What did the customers of CDNOW buy? The 1/10 sample as orders, in time order.

2,357 people who bought for the first time in the first quarter of 1997, and what they bought until
June 1998 (Fader and Hardie, "Forecasting repeat sales at CDNOW", Interfaces 2001; the sample as
they posted it). Days have no hours here: an order counts from the noon of its day, UTC, and orders
of one day are as many orders, as in the file.
"""

import csv
import gzip
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from schemas.event import Event
from schemas.instant import DAY
from schemas.orders import Item, OrderPlaced

FILE = "cdnow_sample.csv.gz"
#: The first day of the file, 1 January 1997, and the end of the first 39 weeks, at midnight.
BEGIN_AT = round(datetime(1997, 1, 1, tzinfo=UTC).timestamp() * 1000)
CUT_AT = BEGIN_AT + 273 * DAY


def read(path: Path) -> list[Event]:
    """All orders by time. path: the file, or its folder. Raises OSError where there is none."""
    events: list[Event] = []
    with gzip.open(path if path.is_file() else path / FILE, "rt", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines)):
            day = datetime.strptime(row["date"], "%Y%m%d").replace(hour=12, tzinfo=UTC)
            cents = int((Decimal(row["dollars"]) * 100).to_integral_value(ROUND_HALF_UP))
            item = Item(product_id="cd", quantity=int(row["cds"]), price_cents=0)
            events.append(
                OrderPlaced(
                    event_id=f"e{number}", customer_id=row["customer_id"],
                    occurred_at=round(day.timestamp() * 1000), order_id=f"o{number}",
                    products=(item,), total_cents=cents, currency="USD",
                )
            )  # fmt: skip
    # The sort keeps those of one day as they stand in the file.
    return sorted(events, key=lambda it: it.occurred_at)

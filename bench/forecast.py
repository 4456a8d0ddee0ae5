"""`make forecast`: does the forecast of the sales beat the naive ones? On Online Retail's days.

A UK web shop, 2010-12-01 to 2011-09-09: net revenue a day, cancellations off on their day, closed
on Saturdays and over Christmas. Settings are chosen on the first 60 % of the days and nothing else;
the errors are those of the rest, every day forecast from each of the seven days before it.
"""

import csv
import io
import json
import lzma
import sys
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from streams.ops.forecast import HORIZON, Outlook, outlook

#: Beside the checkout, where there is one; it is not part of the project.
DATA = Path(__file__).resolve().parents[2] / "shared/data/online_retail_to_2011-09-09.csv.xz"


def history(path: Path = DATA) -> list[float]:
    """Net revenue in pence of every day from the first to the last."""
    days: dict[int, int] = {}
    with io.TextIOWrapper(lzma.open(path), "utf-8") as file:
        for row in csv.DictReader(file):
            day = date.fromisoformat(row["InvoiceDate"][:10]).toordinal()
            cents = round(float(row["Quantity"]) * float(row["UnitPrice"]) * 100)
            days[day] = days.get(day, 0) + cents
    return [float(days.get(it, 0)) for it in range(min(days), max(days) + 1)]


def show(seen: Outlook) -> Table:
    """The errors, beside each other."""
    backtest = seen.backtest
    table = Table("forecast", "mean absolute error", "ours is less by", box=None)
    for name, it in (
        ("ours", backtest.ours),
        ("as yesterday", backtest.yesterday),
        ("as the same weekday last week", backtest.last_week),
    ):
        less = "" if it == backtest.ours else f"{1 - backtest.ours / it:.1%}"
        table.add_row(name, f"{it / 100:,.2f} GBP", less)
    return table


def main() -> int:
    """Run by hand; `--json` for programs."""
    if not DATA.is_file():
        sys.stderr.write(f"{DATA} is not there: nothing to score on\n")
        return 1
    days = history()
    if (seen := outlook(days)) is None:
        sys.stderr.write(f"{len(days)} days are too few to score on\n")
        return 1
    if "--json" in sys.argv:
        found = {it: getattr(seen.backtest, it) for it in seen.backtest.__struct_fields__}
        print(json.dumps(found))
        return 0
    console = Console()
    console.print(
        f"{len(days)} days; scored on the last {seen.backtest.days}, up to {HORIZON} days ahead."
        f" Chosen on the days before: {seen.smoothing}"
    )
    console.print(show(seen))
    return 0


if __name__ == "__main__":
    sys.exit(main())

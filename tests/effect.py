"""Is the report right? Shops with a planted effect run through the engine, and the truth is known.

`make effect` runs shops in which a message does nothing, as many in which it raises everything by a
tenth, and as many with the share that Ebbtide ships with, just enough buyers, and orders that are
very unlike each other. The 95 % interval has to hold the truth in 95 of a hundred, give or take
three, and in at most five of a hundred shops without an effect may one be claimed.
"""

import argparse
import json
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator

import structlog
from effect_counting import CAMPAIGN, engine
from effect_shop import HEAVY, Shop
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agents.gate.holdout import Holdout
from streams.effect.counts import counts_of
from streams.effect.judge import report_of
from streams.effect.settings import Prices
from streams.effect.verdict import BUYERS_MIN

COVERAGE, COVERAGE_OFF_MAX = 0.95, 0.03
FALSE_CLAIMS_MAX = 0.05

_err = Console(stderr=True)


#: The share that Ebbtide ships with, and among the few held out hardly more than the least number of
#: buyers of whom something is claimed.
SHIPPED = Holdout().share
FEW = round(1.05 * BUYERS_MIN / SHIPPED / HEAVY.ordered)

#: One shop of each kind.
KINDS = (
    Shop(0, 0.0, 1_000),
    Shop(0, 0.1, 1_000),
    Shop(0, 0.0, FEW, HEAVY, SHIPPED),
)


class Seen(Struct, frozen=True):
    """What the report said of one shop. Measures whose interval holds the truth, and claims."""

    kind: str
    uplift: float
    seed: int
    covered: list[str]
    covered_as_ratio: list[str]
    claimed: list[str]
    arms_differ: bool
    exposed: int


def look_at(shop: Shop) -> Seen:
    """Run one shop through the engine, and compare the report with what is true of it."""
    counting = engine(f"key of {shop.seed}", shop.held_out)
    sent = counting.feed(shop.occasions())
    counting.feed(shop.outcomes(sent))
    (counts,) = [it for it in counts_of(counting.counters()) if it.campaign == CAMPAIGN]
    report, truth = report_of(counts, Prices()), shop.truth()
    return Seen(
        shop.kind,
        shop.uplift,
        shop.seed,
        [it.measure for it in report.effects
         if it.interval and it.interval.low <= truth[it.measure] <= it.interval.high],
        [it.measure for it in report.effects
         if (ratio := it.relative_interval) and ratio.low <= shop.uplift <= ratio.high],
        [it.measure for it in report.effects if it.claim != "none"],
        report.split.is_off,
        counts.sent.customers + counts.held_out.customers,
    )  # fmt: skip


def look_at_many(shops: list[Shop]) -> Iterator[Seen]:
    """Shops side by side, in the order in which they end."""
    with multiprocessing.get_context("spawn").Pool(initializer=_quiet) as pool:
        yield from pool.imap_unordered(look_at, shops, chunksize=4)


def _quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


def summary(seen: list[Seen], measures: list[str]) -> dict[str, object]:
    """Shares of the runs of one kind."""
    runs = len(seen)
    covered = Counter(name for it in seen for name in it.covered)
    as_ratio = Counter(name for it in seen for name in it.covered_as_ratio)
    claimed = Counter(name for it in seen for name in it.claimed)
    return {
        "kind": seen[0].kind,
        "uplift": seen[0].uplift,
        "runs": runs,
        "coverage": {it: covered[it] / runs for it in measures},
        "coverage_of_ratio": {it: as_ratio[it] / runs for it in measures},
        "claims": {it: claimed[it] / runs for it in measures},
        "any_claim": sum(bool(it.claimed) for it in seen) / runs,
        "arms_differ": sum(it.arms_differ for it in seen),
        "customers": sum(it.exposed for it in seen),
    }


def outside(seen: list[Seen], measures: list[str]) -> list[str]:
    """What is not as it has to be, of the runs of one kind."""
    runs, found = len(seen), []
    for name in measures:
        share = sum(name in it.covered for it in seen) / runs
        if abs(share - COVERAGE) > COVERAGE_OFF_MAX + 1e-9:
            found.append(f"the interval of {name} holds the truth in {share:.1%} of {runs} runs")
    claims = sum(bool(it.claimed) for it in seen) / runs
    if not seen[0].uplift and claims > FALSE_CLAIMS_MAX:
        found.append(f"an effect is claimed in {claims:.1%} of {runs} runs that have none")
    return [f"{seen[0].kind}: {it}" for it in found]


def _table(summaries: list[dict[str, object]]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("shops", "measure", "interval holds the truth", "that of the ratio", "claims"):
        shown.add_column(column, justify="left" if column == "measure" else "right")
    for it in summaries:
        coverage, ratio, claims = it["coverage"], it["coverage_of_ratio"], it["claims"]
        assert isinstance(coverage, dict)
        assert isinstance(ratio, dict)
        assert isinstance(claims, dict)
        for name in coverage:
            shares = (coverage[name], ratio[name], claims[name])
            shown.add_row(str(it["kind"]), name, *(f"{share:.1%}" for share in shares))
        shown.add_row(str(it["kind"]), "any of them", "", "", f"{it['any_claim']:.1%}")
    return shown


def main() -> int:
    """Run by hand."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    # Of 200 a share of 95 % is known to within 1.5 points (one standard deviation), of 600 to 0.9:
    # of 200 others luck would fail one measure in twenty. These are always the same.
    parser.add_argument("--seeds", type=int, default=200, help="how many shops of each kind")
    parser.add_argument("--customers", type=int, help="in each shop; else as many as it needs")
    parser.add_argument("--json", action="store_true", help="the result on stdout")
    args = parser.parse_args()
    _quiet()
    # No seed comes twice: the shops of one kind say something that those of the other don't.
    shops = [
        replace(it, seed=nth * len(KINDS) + kind, customers=args.customers or it.customers)
        for nth in range(args.seeds)
        for kind, it in enumerate(KINDS)
    ]
    columns = (TextColumn("shops"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_err) as progress:
        seen = list(progress.track(look_at_many(shops), total=len(shops)))
    by_kind = [[it for it in seen if it.kind == kind.kind] for kind in KINDS]
    measures = list(shops[0].truth())
    summaries = [summary(it, measures) for it in by_kind]
    wrong = [fault for it in by_kind for fault in outside(it, measures)]
    if args.json:
        print(json.dumps({"runs": summaries, "wrong": wrong}))
    else:
        Console().print(_table(summaries))
    for fault in wrong:
        _err.print(fault, style="red", markup=False)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

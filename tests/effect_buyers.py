"""Of how few buyers may something be claimed of money? Shops in which a message does nothing.

Run by hand: ``python tests/effect_buyers.py``. Most customers pay nothing, and what the others pay is
lognormal: most a little, some a lot, the more so the larger sigma is. Five of a hundred are held
out. With few buyers among them the dearest orders are mostly missing there, so their mean is too
low and seems better known than it is: nearly all errors say "more".
"""

import argparse
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct
from rich.console import Console
from rich.table import Table
from scipy.stats import binom, lognorm

from streams.effect.intervals import CONFIDENCE, Share, Sums, newcombe, welch

HELD_OUT = 0.05
VISITED, REPEATED = 0.5, 0.4
SIGMAS = (0.8, 1.2, 1.5)
BUYERS = (30, 100, 150, 200, 300, 400, 600)

#: The level of a claim where four measures are judged.
STRICT = 1 - (1 - CONFIDENCE) / 4


class Kind(Struct, frozen=True):
    """Shops of one kind. buyers: held out, on average. ordered: the share of customers who do."""

    buyers: int
    sigma: float
    ordered: float = 0.2

    @property
    def customers(self) -> int:
        """In both arms."""
        return round(self.buyers / self.ordered / HELD_OUT)


class Arm(Struct, frozen=True):
    """What customers did: how many of them came, ordered and ordered twice, and their money."""

    shares: tuple[Share, ...]
    money: Sums


def errors(kind: Kind, runs: int, seed: int = 1) -> dict[str, float]:
    """Shares of the runs. more, less: the 95 % interval is above zero, or below it.

    money: something is claimed of money. any: something is claimed, of whatever measure.
    """
    found: Counter[str] = Counter()
    for sent, held_out in _shops(kind, runs, seed):
        shown = welch(sent.money, held_out.money)
        money = not welch(sent.money, held_out.money, STRICT).has_zero
        others = any(
            not newcombe(one, other, STRICT).has_zero
            for one, other in zip(sent.shares, held_out.shares, strict=True)
        )
        found.update(more=shown.low > 0, less=shown.high < 0, money=money, any=money or others)
    return {name: found[name] / runs for name in ("more", "less", "money", "any")}


def _shops(kind: Kind, runs: int, seed: int) -> Iterator[tuple[Arm, Arm]]:
    dealt = binom(kind.customers, HELD_OUT).rvs(size=runs, random_state=seed)
    for run, held_out in enumerate(map(int, dealt)):
        begin = (seed * runs + run) * 8
        sent = kind.customers - held_out
        yield _arm(kind, sent, begin), _arm(kind, held_out, begin + 4)


def _arm(kind: Kind, customers: int, seed: int) -> Arm:
    visited = int(binom.rvs(customers, VISITED, random_state=seed))
    ordered = int(binom.rvs(customers, kind.ordered, random_state=seed + 1))
    repeated = int(binom.rvs(ordered, REPEATED, random_state=seed + 2))
    paid = lognorm.rvs(kind.sigma, scale=3_000, size=ordered, random_state=seed + 3)
    cents = paid.round().astype("int64")
    money = Sums(customers, int(cents.sum()), int((cents * cents).sum()))
    return Arm(tuple(Share(it, customers) for it in (visited, ordered, repeated)), money)


def main() -> None:
    """Run by hand."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--runs", type=int, default=3_000, help="shops of each kind")
    args = parser.parse_args()
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("sigma", "buyers", "holds the truth", "more", "less", "money", "any claim"):
        shown.add_column(column, justify="right")
    for sigma in SIGMAS:
        for buyers in BUYERS:
            it = errors(Kind(buyers, sigma), args.runs)
            shares = (1 - it["more"] - it["less"], *it.values())
            shown.add_row(str(sigma), str(buyers), *(f"{share:.1%}" for share in shares))
    Console().print(shown)


if __name__ == "__main__":
    main()

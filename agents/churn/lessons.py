"""What is learned of who buys nothing? A logistic regression, as sums that can be added up.

The law: a moment teaches when its days have passed, and not before. It does so by the working
response of iteratively reweighted least squares: with the chance p that is given by the weights in
effect, and what came of it, y,

    z = log-odds(p) + (y - p) / (p (1 - p)),   A += p (1 - p) x x',   b += p (1 - p) z x

(McCullagh and Nelder, Generalized Linear Models, 1989, 2.5). The weights that follow from all of
them solve A w = b. A response says by itself at which weights it was made, so sums stay right when
a new model comes; what is old fades, and with it what was made by the first, bad weights. The sums
of several partitions add up, and so does what fades.

The prior, which the shop's rhythm gives by itself, is one of the features, and the weights are held
to it: with few examples the score is the prior, and it leaves that as far as examples lead it.
"""

from collections.abc import Sequence
from math import exp, fsum, isfinite
from operator import mul

from msgspec import Struct, field

from agents.churn.habit import MEANINGS, Seen, features
from schemas.decisions import Scalar
from state.ledger import Ledger
from state.model import Fitted

#: How many features a model weighs.
_COUNT = len(MEANINGS)
_PRIOR = _COUNT - 1
#: After so many days an example counts half.
HALF_LIFE_DAYS = 180.0
#: How strongly weights are held to the prior: as so many examples would whose chance is one half,
#: and the more the fewer examples of either kind there are: twice as strongly with ``YOUNG``. The
#: first ones are of a few weeks, so they are more alike than their number says.
STRENGTH, YOUNG = 8.0, 100.0
#: Features are taken to vary by so much at least. In the first weeks nobody has been silent for
#: long, and what has hardly varied yet would cost hardly anything to weigh: what a model said of
#: silences beyond those that it knows would be made up.
SPREAD_MIN = 1.0
#: Without so many examples that ended either way there is no model.
QUIET_MIN, BOUGHT_MIN = 30.0, 30.0
#: Working responses are taken at no more extreme log-odds than these: one that is, and wrong, would
#: outweigh a hundred others.
_ODDS_MAX = 4.5
#: So many of what moved a score most are named.
_NAMED = 3

Told = dict[str, Scalar | list[Scalar]]


class ChurnModel(Struct, frozen=True):
    """weights: of ``features``. means: of these, over all customers as they were scored.

    quiet_share: how many of the examples bought nothing. examples: so many are not faded yet.
    days: the horizon for which it was made.
    """

    weights: list[float]
    means: list[float]
    quiet_share: float
    examples: float
    days: float

    def __post_init__(self) -> None:
        numbers = [*self.weights, *self.means]
        if (
            len(self.weights) != _COUNT
            or len(self.means) != _COUNT
            or not all(map(isfinite, numbers))
        ):
            raise ValueError(
                f"it has {len(self.weights)} weights and {len(self.means)} means: {_COUNT} finite"
                " ones of each are wanted"
            )


class Lesson(Struct, frozen=True, gc=False):
    """An entry: what a score saw at a moment, what came of it, and the weights in effect then.

    days: the horizon by which it was scored.
    """

    seen: Seen
    quiet: bool
    day: int
    weights: list[float] | None
    days: float


class Lessons(Ledger):
    """The sums of one partition, as of ``day``. squares: the lower triangle of A, by rows.

    days: the horizon that they are of; with another one they begin anew.
    """

    day: int = 0
    examples: float = 0.0
    quiet: float = 0.0
    squares: list[float] = field(default_factory=list)
    products: list[float] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    days: float = 0.0

    def enter(self, entry: Lesson) -> None:
        """Learn from a moment."""
        if len(self.sums) != _COUNT or self.days != entry.days:
            self.examples = self.quiet = 0.0
            self.days = entry.days
            self.squares = [0.0] * (_COUNT * (_COUNT + 1) // 2)
            self.products, self.sums = [0.0] * _COUNT, [0.0] * _COUNT
        self._fade(entry.day)
        x = features(entry.seen)
        odds = min(max(log_odds(entry.weights, x), -_ODDS_MAX), _ODDS_MAX)
        p = chance(odds)
        weight = p * (1.0 - p)
        response = weight * odds + (entry.quiet - p)
        # Of an imported silence much is learned late: it counts as it would have by now.
        kept = _kept(max(0, self.day - entry.day))
        weight *= kept
        response *= kept
        self.examples += kept
        self.quiet += kept * entry.quiet
        squares, place = self.squares, 0
        for row, value in enumerate(x):
            weighted = weight * value
            for other in x[: row + 1]:
                squares[place] += weighted * other
                place += 1
            self.products[row] += response * value
            self.sums[row] += kept * value

    def _fade(self, day: int) -> None:
        """Let all count less, once a day."""
        if day <= self.day:
            return
        kept = _kept(day - self.day) if self.day else 1.0
        self.day = day
        self.examples *= kept
        self.quiet *= kept
        for sums in (self.squares, self.products, self.sums):
            sums[:] = [it * kept for it in sums]


def _kept(days: int) -> float:
    """What an example counts for after so many days."""
    return float(0.5 ** (days / HALF_LIFE_DAYS))


def chance(odds: float) -> float:
    """The chance that has these log-odds."""
    return 1.0 / (1.0 + exp(-odds)) if odds > -700.0 else 0.0


def log_odds(weights: list[float] | None, x: list[float]) -> float:
    """The log-odds of buying nothing; by the prior alone, where there is no model."""
    if weights is None:
        return x[_PRIOR]
    return fsum(map(mul, weights, x))


def moved_by(model: ChurnModel, seen: Seen) -> list[tuple[str, float]]:
    """What moves the log-odds from the average customer's, and by how much; the most first."""
    by: dict[str, float] = {}
    for weight, value, mean, meaning in zip(
        model.weights, features(seen), model.means, MEANINGS, strict=True
    ):
        if meaning:
            by[meaning] = by.get(meaning, 0.0) + weight * (value - mean)
    return sorted(by.items(), key=lambda it: (-abs(it[1]), it[0]))


def told_of(model: Fitted[ChurnModel] | None, risk: float, seen: Seen) -> Told:
    """What an alert says of its score: how high it is, by which model, and what moved it most."""
    told: Told = {"risk": round(risk, 4)}
    if model:
        moved = moved_by(model.model, seen)[:_NAMED]
        told["model"] = model.version
        told["moved_by"] = [it for it, _ in moved]
        told["moved_odds"] = [round(it, 2) for _, it in moved]
    return told


def fitted(ledgers: Sequence[Lessons], days: float) -> ChurnModel | None:
    """The model that follows from the sums of all partitions; None where they are too few yet."""
    ledgers = [it for it in ledgers if len(it.sums) == _COUNT and it.days == days]
    today = max((it.day for it in ledgers), default=0)
    kept = [0.5 ** ((today - it.day) / HALF_LIFE_DAYS) for it in ledgers]

    def total(of: Sequence[Sequence[float]]) -> list[float]:
        return [
            sum(k * it for k, it in zip(kept, all_, strict=True)) for all_ in zip(*of, strict=True)
        ]

    if not ledgers:
        return None
    examples, quiet = total([(it.examples, it.quiet) for it in ledgers])
    if quiet < QUIET_MIN or examples - quiet < BOUGHT_MIN:
        return None
    means = [it / examples for it in total([it.sums for it in ledgers])]
    flat, b = total([it.squares for it in ledgers]), total([it.products for it in ledgers])
    a = [flat[row * (row + 1) // 2 :][: row + 1] for row in range(_COUNT)]
    strength = STRENGTH * (1.0 + YOUNG / min(quiet, examples - quiet))
    for row in range(_COUNT):
        # By its variance, so that the unit in which something is measured makes little difference.
        spread = a[row][row] / a[0][0] - (a[row][0] / a[0][0]) ** 2
        held = strength / 4 * (max(spread, SPREAD_MIN) if row else 1e-3)
        a[row][row] += held
        b[row] += held * (row == _PRIOR)
    return ChurnModel(_solved(a, b), means, quiet / examples, examples, days)


def _solved(a: list[list[float]], b: list[float]) -> list[float]:
    """Solve A w = b by Cholesky's method; A: the rows of its lower triangle."""
    lower: list[list[float]] = []
    half: list[float] = []
    for row, values in enumerate(a):
        made: list[float] = []
        for column in range(row):
            done = sum(x * y for x, y in zip(made, lower[column], strict=False))
            made.append((values[column] - done) / lower[column][column])
        made.append(max(values[row] - sum(it * it for it in made), 1e-12) ** 0.5)
        half.append((b[row] - sum(x * y for x, y in zip(made, half, strict=False))) / made[row])
        lower.append(made)
    solved = [0.0] * len(b)
    for row in reversed(range(len(b))):
        done = sum(lower[it][row] * solved[it] for it in range(row + 1, len(b)))
        solved[row] = (half[row] - done) / lower[row][row]
    return solved

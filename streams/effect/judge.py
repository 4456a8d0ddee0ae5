"""What may be claimed of a campaign? Counts become differences, and each difference is judged."""

from collections.abc import Iterable
from math import sqrt
from statistics import NormalDist

from msgspec import Struct
from msgspec.structs import replace

from state.exposure import MILLION
from streams.effect.counts import Arm, Counts
from streams.effect.intervals import (
    CONFIDENCE,
    Interval,
    Share,
    Sums,
    fieller,
    katz,
    newcombe,
    welch,
)
from streams.effect.report import Claim, Effect, Measure, Report, Split, Why
from streams.effect.returns import returns_of
from streams.effect.settings import Prices
from streams.effect.verdict import BUYERS_MIN, CUSTOMERS_MIN, verdict

# What an effect may lack and still be the best that is known.
_COMPARABLE = ("", "crosses_zero", "many_questions")


def report_of(counts: Counts, prices: Prices) -> Report:
    """The report of one campaign."""
    split = split_of(counts)
    judged = _judged(_questions(counts.sent, counts.held_out), _why_none(counts, split))
    effects = [replace(it, verdict=verdict(it, counts, split)) for it in judged]
    # Where the arms can't be compared or hold too few, their difference is no return either.
    uplifts = {
        it.currency: it.interval if it.why in _COMPARABLE else None for it in effects if it.currency
    }
    return Report(
        campaign=counts.campaign,
        occasions=counts.occasions,
        sent=counts.sent,
        held_out=counts.held_out,
        split=split,
        effects=effects,
        returns=returns_of(counts, prices, uplifts),
    )


def split_of(counts: Counts) -> Split:
    """Compare the number of customers held out with what the hash should give."""
    held_out, expected = counts.held_out.customers, counts.expected_millionths / MILLION
    changed = _shares_changed(counts)
    if counts.variance_millionths <= 0:
        return Split(held_out, expected, None, None, changed)
    z = (held_out - expected) / sqrt(counts.variance_millionths / MILLION)
    return Split(held_out, expected, z, 2 * NormalDist().cdf(-abs(z)), changed)


def _shares_changed(counts: Counts) -> bool:
    """Whether the customers were dealt out by more than one share.

    By one share p for all N of them, Σp(1 - p) is Σp (1 - Σp/N); by several it is less, by N times
    the variance of p. Both sums are rounded to a millionth at each exposure, which puts either side
    off by half a millionth a customer at most: shares that differ by less than that, a standard
    deviation of 0.001, are one. In whole numbers, for the two sides are large and nearly alike.
    """
    customers = counts.sent.customers + counts.held_out.customers
    mean, variance = counts.expected_millionths, counts.variance_millionths
    whole = customers * MILLION
    return abs(mean * (whole - mean) - variance * whole) > customers * whole


class _Question(Struct, frozen=True):
    """A measure in both arms, before it is judged. enough: whether it may be judged at all."""

    measure: Measure
    sent: Share | Sums
    held_out: Share | Sums
    currency: str = ""
    enough: bool = True

    def interval(self, confidence: float) -> Interval | None:
        match self.sent, self.held_out:
            case Share(whole=whole) as sent, Share() as held_out if whole and held_out.whole:
                return newcombe(sent, held_out, confidence)
            case Sums(count=count) as sent, Sums() as held_out if min(count, held_out.count) > 1:
                return welch(sent, held_out, confidence)
        return None

    def ratio(self) -> Interval | None:
        match self.sent, self.held_out:
            case Share() as sent, Share() as held_out:
                return katz(sent, held_out)
            case Sums() as sent, Sums() as held_out:
                return fieller(sent, held_out)
        return None


def _questions(sent: Arm, held_out: Arm) -> list[_Question]:
    shares = [
        _Question(
            measure,
            Share(getattr(sent, measure), sent.customers),
            Share(getattr(held_out, measure), held_out.customers),
        )
        for measure in ("visited", "ordered", "repeated")
    ]
    enough = min(sent.ordered, held_out.ordered) >= BUYERS_MIN
    money = [
        _Question("money", _sums(sent, it), _sums(held_out, it), it, enough)
        for it in sorted(sent.money.keys() | held_out.money.keys())
    ]
    return shares + money


def _sums(arm: Arm, currency: str) -> Sums:
    return Sums(arm.customers, arm.money.get(currency, 0), arm.squares.get(currency, 0))


def _why_none(counts: Counts, split: Split) -> Why:
    """Why nothing may be claimed of the campaign at all; empty where something may."""
    sent, held_out = counts.sent.customers, counts.held_out.customers
    if split.is_off:
        return "arms_differ"
    if not sent and not held_out:
        return "not_measured" if counts.occasions.sent else "nothing_sent"
    if not held_out and not counts.expected_millionths:
        return "nobody_held_out"
    if split.shares_changed:
        return "shares_changed"
    return "few_customers" if min(sent, held_out) < CUSTOMERS_MIN else ""


def _judged(questions: Iterable[_Question], why_none: Why) -> list[Effect]:
    """Say of each measure what may be claimed of it.

    Whoever asks four questions of a campaign that does nothing finds an effect in one of six. So a
    claim needs an interval that is clear of zero at the level that leaves all questions together a
    chance of 5 % (Bonferroni; Dunn, JASA 56 (1961) 52-64). What is shown stays the 95 % interval.
    """
    asked = list(questions)
    strict = 1 - (1 - CONFIDENCE) / max(1, sum(it.enough for it in asked))
    return [_effect(it, strict, why_none) for it in asked]


def _effect(asked: _Question, strict: float, why_none: Why) -> Effect:
    interval, relative, ratio = asked.interval(CONFIDENCE), None, None
    sent, held_out = _value(asked.sent), _value(asked.held_out)
    uplift = None if sent is None or held_out is None else sent - held_out
    # Of an arm to which more went back than it paid there is no part.
    if interval is not None and uplift is not None and held_out is not None and held_out > 0:
        relative, ratio = uplift / held_out, asked.ratio()
    why: Why = why_none or ("" if asked.enough else "few_buyers")
    claim: Claim = "none"
    if not why and interval is not None:
        narrow = asked.interval(strict) or interval
        if interval.has_zero:
            why = "crosses_zero"
        elif narrow.has_zero:
            why = "many_questions"
        else:
            claim = "more" if interval.low > 0 else "less"
    return Effect(
        measure=asked.measure, currency=asked.currency, sent=sent, held_out=held_out,
        uplift=uplift, interval=interval, relative=relative, relative_interval=ratio,
        claim=claim, why=why,
    )  # fmt: skip


def _value(of: Share | Sums) -> float | None:
    match of:
        case Share(whole=whole):
            return of.rate if whole else None
        case Sums(count=count):
            return of.mean if count else None

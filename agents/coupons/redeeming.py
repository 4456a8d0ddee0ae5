"""Who redeems a coupon? What is known of a customer's ways with coupons, and what it says.

The law: an example is a message with coupons, what was known when it went out, and whether one of
them was redeemed while the message was open. It is entered when that is over, whichever way, or the
quick ones would seem to be many. What follows from the examples stands in ``redeeming_fit.py``.
"""

from collections.abc import Iterable, Sequence
from math import exp
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from agents.coupons.coupon import letters
from schemas.instant import DAY
from state import window
from state.customer import Customer
from state.ledger import Ledger
from state.mixing import STEP, mixed
from state.moments import BYTE, log_byte

#: What is known of each customer when a message goes out, a byte each, in this order.
KNOWN = (
    "orders", "orders_with_coupon", "coupon_share", "redeemed", "mailed", "redeemed_share",
    "spent", "quiet_days",
)  # fmt: skip
#: After so many days an order counts half.
HALF_LIFE_DAYS = 60
#: Messages that are waited for, of a customer; and codes of each.
OPEN_MAX, CODES_MAX = 4, 3
#: Templates that are told apart, in a partition; others are the mean.
TEMPLATES_MAX = 16
#: Examples kept in a partition, of those redeemed and of the others: 10 kB.
SAMPLE_MAX = 512
#: The bytes of an example: its template's place, and what was known.
EXAMPLE_WIDTH = len(KNOWN) + 1
_OTHER = 255
_SPENT_DAYS = 90
_HUNDREDTHS = 100


class Mailing(Struct, array_like=True, gc=False, frozen=True):
    """A message with coupons that is open. known: when it went out.

    chance: that it would be redeemed, in ten thousandths; -1 where there was no model yet.
    """

    sent_at: int
    until: int
    codes: tuple[str, ...]
    template: str
    known: bytes
    chance: int = -1
    redeemed: bool = False

    def is_redeemed_by(self, codes: Iterable[str]) -> bool:
        """Whether one of the codes is among those that it carries, however it was typed.

        >>> Mailing(0, 1, ("SPRING-*", "X1"), "", b"").is_redeemed_by(["spring 77"])
        True
        """
        carried = [(letters(it), it.endswith("*")) for it in self.codes]
        used = [letters(it) for it in codes]
        return any(
            it.startswith(code) if many else it == code for code, many in carried for it in used
        )


class Habit(Struct, array_like=True, gc=False, frozen=True):
    """An agent's memory of one customer. day: of the last order.

    orders, with_coupon: orders that fade, in hundredths, as of that day. mailed, redeemed: messages
    with coupons that were waited for, and those of which one was redeemed. open: those that are.
    """

    day: int = 0
    orders: int = 0
    with_coupon: int = 0
    mailed: int = 0
    redeemed: int = 0
    open: tuple[Mailing, ...] = ()

    def ordered(self, at: int, codes: Sequence[str]) -> Self:
        """After an order."""
        day = max(at // DAY, self.day)
        kept, weight = _faded(day - self.day), round(_HUNDREDTHS * _faded(day - at // DAY))
        redeemed, still = self.redeemed, self.open
        if codes and still:
            hit = [not it.redeemed and it.sent_at <= at < it.until and it.is_redeemed_by(codes)
                   for it in still]  # fmt: skip
            redeemed += sum(hit)
            still = tuple(
                replace(it, redeemed=True) if is_hit else it
                for it, is_hit in zip(still, hit, strict=True)
            )
        return replace(
            self, day=day, orders=round(self.orders * kept) + weight,
            with_coupon=round(self.with_coupon * kept) + (weight if codes else 0),
            redeemed=redeemed, open=still,
        )  # fmt: skip

    def known(self, row: Customer, at: int) -> bytes:
        """What is known at the moment, as bytes in the order of ``KNOWN``."""
        faded = _faded(max(0, at // DAY - self.day)) / _HUNDREDTHS
        orders, with_coupon = self.orders * faded, self.with_coupon * faded
        _, spent = window.total(row.orders, max(at, row.last_seen_at), _SPENT_DAYS * DAY)
        quiet = max(0, at - row.last_order_at) / DAY if row.last_order_at else 365.0
        return bytes((
            log_byte(orders, 32), log_byte(with_coupon, 48), _share(with_coupon, orders + 2),
            log_byte(self.redeemed, 48), log_byte(self.mailed, 48),
            _share(self.redeemed + 0.1, self.mailed + 1), log_byte(max(0, spent), 8),
            log_byte(quiet, 24),
        ))  # fmt: skip


class Response(Struct, frozen=True, gc=False):
    """An entry: a message is over, and whether one of its coupons was redeemed."""

    template: str
    known: bytes
    redeemed: bool


class Responses(Ledger):
    """A sample of the partition's examples: of the redeemed, and of the others.

    Each is a template's place in ``templates`` and what was known. How many there ever were says
    what one in the sample stands for. Who is in it is Vitter's algorithm R (ACM Transactions on
    Mathematical Software 11 (1985) 37-57), with a fixed sequence in the place of chance.
    """

    templates: list[str] = []
    redeemed: bytes = b""
    others: bytes = b""
    redeemed_count: int = 0
    others_count: int = 0

    def enter(self, entry: Response) -> None:
        """Let a message be over."""
        if entry.template not in self.templates and len(self.templates) < TEMPLATES_MAX:
            self.templates = [*self.templates, entry.template]
        known = entry.template in self.templates
        place = self.templates.index(entry.template) if known else _OTHER
        example = bytes((place, *entry.known))
        if entry.redeemed:
            self.redeemed_count += 1
            self.redeemed = _kept(self.redeemed, example, self.redeemed_count)
        else:
            self.others_count += 1
            self.others = _kept(self.others, example, self.others_count)


class Chances(Struct, frozen=True):
    """A model: the chance that a message's coupon is redeemed.

    means, scales, slopes: of what is known. templates: what each adds to the log-odds. mean_rate:
    of all messages. messages: how many there were.
    """

    means: list[float]
    scales: list[float]
    slopes: list[float]
    intercept: float
    templates: dict[str, float]
    mean_rate: float
    messages: int

    def chance(self, known: bytes, template: str | None = None) -> float:
        """The chance; template: None for one of which nothing is known."""
        odds = self.intercept
        if template is not None:
            odds += self.templates.get(template, 0.0)
        for x, mean, scale, slope in zip(known, self.means, self.scales, self.slopes, strict=True):
            odds += (x - mean) / scale * slope
        return 1 / (1 + exp(-min(max(odds, -30.0), 30.0)))


def _kept(sample: bytes, example: bytes, count: int) -> bytes:
    """A sample after the example that makes it ``count``, each of which has the same chance."""
    if len(sample) < SAMPLE_MAX * EXAMPLE_WIDTH:
        return sample + example
    place = mixed(count * STEP) % count
    if place >= SAMPLE_MAX:
        return sample
    at = place * EXAMPLE_WIDTH
    return sample[:at] + example + sample[at + EXAMPLE_WIDTH :]


def _faded(days: int) -> float:
    return float(0.5 ** (days / HALF_LIFE_DAYS))


def _share(part: float, whole: float) -> int:
    return min(round(BYTE * part / whole), BYTE)

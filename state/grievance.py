"""What has gone wrong for a customer? The last thing of each kind, so that a silence has a cause.

The law: of each kind the newest one is kept, whatever the order of arrival. Hours, for they take
few bytes. What they come from stands in ``fold_grievances.py``, what is made of them is an agent's
affair.
"""

from typing import Literal

from msgspec import Struct

from schemas.instant import HOUR

Kind = Literal["late", "refund", "dearer", "stock", "search"]


class Grievance(Struct, array_like=True, gc=False):
    """One thing that went wrong. hour: when, in hours since 1970-01-01.

    amount: hours late, per cent refunded, per cent dearer, or how many searches found nothing.
    about: the order, the product, or the words that were searched for.
    """

    hour: int
    amount: int = 0
    about: str = ""

    @property
    def at(self) -> int:
        """When it was, to the hour, in epoch milliseconds."""
        return self.hour * HOUR


Grievances = dict[Kind, Grievance]


def grieve(grievances: Grievances, kind: Kind, at: int, amount: int, about: str) -> None:
    """Note what went wrong at a moment, unless something newer of the kind is known.

    >>> grievances: Grievances = {}
    >>> grieve(grievances, "late", 50 * HOUR, 30, "o-2")
    >>> grieve(grievances, "late", 20 * HOUR, 99, "o-1")
    >>> grievances
    {'late': Grievance(hour=50, amount=30, about='o-2')}
    """
    known = grievances.get(kind)
    if known is None or at // HOUR >= known.hour:
        grievances[kind] = Grievance(at // HOUR, amount, about)

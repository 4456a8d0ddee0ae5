"""Customer class beside a model: a plain list of all orders says the same, and nobody flaps."""

from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition
from test_customer_class import SHOP, order

from agents.customer_class import RANKS, CustomerClass, classify
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from streams.simulated.story import moment

SPENDS = st.lists(st.floats(0.851, 1.0), min_size=1, max_size=20)


@given(
    st.sampled_from(["", *RANKS]), st.integers(0, 12), st.integers(0, 200_000), SPENDS
)  # fmt: skip
def test_who_moves_within_the_band_never_falls_after_rising(
    before: str, orders: int, most: int, shares: list[float]
) -> None:
    by = CustomerClass()
    classes = [before]
    for share in shares:
        classes.append(classify(orders, round(most * share), classes[-1], False, by))
    ranks = [RANKS.get(it, -1) for it in classes]
    rose = next((i for i in range(1, len(ranks)) if ranks[i] > ranks[i - 1]), len(ranks))
    assert ranks[rose:] == sorted(ranks[rose:])


@given(st.lists(st.integers(5, 6), min_size=2, max_size=20))
def test_who_has_one_order_more_or_less_keeps_the_class_they_have_got(counts: list[int]) -> None:
    by = CustomerClass(high_end_order_cents=10**9, high_value_spend_cents=10**9)
    found, classes = "frequent", set[str]()
    for orders in counts:
        found = classify(orders, 0, found, False, by)
        classes.add(found)
    assert classes == {"frequent"}


@given(st.integers(0, 20), st.integers(0, 10**6), st.sampled_from(["", *RANKS]))
def test_more_money_is_never_a_lower_class(orders: int, cents: int, before: str) -> None:
    by = CustomerClass()
    less = classify(orders, cents, before, False, by)
    more = classify(orders, cents + 1_000, before, False, by)
    assert RANKS[more] >= RANKS[less]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 90 * 24), st.integers(0, 30_000)), min_size=1, max_size=25),
    st.integers(0, 500),
)
def test_the_class_is_what_a_plain_list_of_all_orders_says(
    steps: list[tuple[int, int]], rest_days: int
) -> None:
    partition, at = Partition(SHOP), moment("2024-01-01")
    placed: list[tuple[int, int]] = []
    facts: list[Event | Tick] = []
    for number, (hours, cents) in enumerate(steps):
        facts += [Tick(it) for it in range(at + HOUR, at + hours * HOUR + 1, HOUR)]
        at += hours * HOUR
        placed.append((at, cents))
        facts.append(order(number, at, cents))
    end = at + rest_days * DAY
    partition.facts(*facts, *(Tick(it) for it in range(at + HOUR, end + 1, HOUR)))
    row = partition.row("ann")
    assert row is not None
    assert row.portrait["class"].value == recounted(placed, end)


def recounted(placed: list[tuple[int, int]], end: int) -> str:
    """The class by the file's docstring, hour by hour, from all orders that ever were."""
    found, first = "", placed[0][0]
    known: list[tuple[int, int]] = []
    coming = dict(placed)
    for at in range(first, end + 1, HOUR):
        if at in coming:
            known.append((at, coming[at]))
        ends = [bucket_end(it, known[-1][0]) for it, _ in known]
        young = [cents for (_, cents), it in zip(known, ends, strict=True) if it > at - 365 * DAY]
        # What has left is looked at later in its day, or when the next order comes.
        left = [it + 365 * DAY + first % DAY for it in ends]
        is_new = len(known) == 1 and at < first + 30 * DAY
        if at in coming or at in left or at == first + 30 * DAY:
            found = classify(len(young), sum(young), found, is_new, SHOP)
    return found


def bucket_end(at: int, newest: int) -> int:
    """When the bucket ends that holds a moment: an hour, a day or 28 days, by how old it was."""
    for width, kept in ((HOUR, DAY), (DAY, 28 * DAY)):
        if at // width > (newest - kept) // width - 1:
            return (at // width + 1) * width
    return (at // (28 * DAY) + 1) * 28 * DAY

"""The simulated shop: its seed is all of it, its time runs forward, and what it does makes sense."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import get_args

import pytest

from schemas.clickstream import CheckoutStarted, ProductAdded, ProductRemoved
from schemas.codec import RAW_UNIONS, encode_json, raw_decoders
from schemas.event import Event
from schemas.instant import DAY, SECOND
from schemas.journal import Tick
from schemas.orders import OrderPlaced
from schemas.profiles import (
    ConsentChanged,
    ErasureRequested,
    ProfileUpdated,
    TriggerDelivered,
    TriggerUndelivered,
)
from schemas.reviews import ReviewPosted
from streams.simulated.scripts import Fact
from streams.simulated.shop import CATALOGUE, GOES_WITH, shopper
from streams.simulated.simulation import Simulation

START_AT = 1_768_896_000_000  # 2026-01-20 08:00 UTC
DAYS = 60
RATE = 20.0
MINUTE_EVENTS = 1_200

Facts = list[Fact]


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation(customers=400, seed=1, start_at=START_AT)


@pytest.fixture(scope="module")
def history(simulation: Simulation) -> Facts:
    return list(simulation.history(DAYS))


@pytest.fixture(scope="module")
def live(simulation: Simulation) -> Facts:
    return list(islice(simulation.live(RATE), 10_000))


@pytest.fixture(scope="module", params=["history", "live"])
def facts(request: pytest.FixtureRequest) -> Facts:
    part: Facts = request.getfixturevalue(request.param)
    return part


def by_customer(facts: Facts) -> dict[str, list[Event]]:
    customers = defaultdict(list)
    for event in of_customers(facts):
        customers[event.subject].append(event)
    return customers


def of_customers(facts: Iterable[Fact]) -> list[Event]:
    """Without what happens on the shelves."""
    return [event for _, event in facts if isinstance(event, Event)]


def ids(facts: Iterable[Fact]) -> set[str]:
    return {event.event_id for _, event in facts}


def order_ids(facts: Facts) -> set[str]:
    return {event.order_id for _, event in facts if isinstance(event, OrderPlaced)}


# The seed.


def test_the_same_seed_gives_the_same_shop(history: Facts, live: Facts) -> None:
    again = Simulation(customers=400, seed=1, start_at=START_AT)
    # The other way round, because neither may depend on the other having been asked for.
    assert list(islice(again.live(RATE), 1_000)) == live[:1_000]
    assert list(again.history(DAYS)) == history


def test_another_seed_gives_other_customers_and_other_ids(history: Facts, live: Facts) -> None:
    other = Simulation(customers=400, seed=2, start_at=START_AT)
    other_facts = [*other.history(DAYS), *islice(other.live(RATE), 1_000)]
    assert not ids(other_facts) & ids([*history, *live])
    assert not by_customer(other_facts).keys() & by_customer(history).keys()


def test_the_same_seed_at_another_time_gives_the_same_customers_and_other_ids(
    history: Facts, live: Facts
) -> None:
    later = Simulation(customers=400, seed=1, start_at=START_AT + 1)
    later_facts = [*later.history(DAYS), *islice(later.live(RATE), 1_000)]
    assert not ids(later_facts) & ids([*history, *live])
    assert not order_ids(later_facts) & order_ids([*history, *live])
    assert by_customer(later_facts).keys() == by_customer(history).keys()


def test_ids_are_unique_across_history_and_live(history: Facts, live: Facts) -> None:
    assert len(ids([*history, *live])) == len(history) + len(live)
    assert not order_ids(history) & order_ids(live)


# The wire.


def test_every_event_comes_back_unchanged_from_its_own_topic(facts: Facts) -> None:
    for topic, event in facts:
        assert raw_decoders[topic].decode(encode_json(event)) == event


def test_every_kind_of_event_occurs(history: Facts, live: Facts) -> None:
    # Reports are ours: a shop that says what became of triggers would be making it up.
    kinds = {kind for union in RAW_UNIONS.values() for kind in get_args(union)} - {
        Tick, TriggerDelivered, TriggerUndelivered,
    }  # fmt: skip
    assert {type(event) for _, event in history} == kinds
    # Nobody asks to be forgotten in an endless present: it would run out of customers.
    assert {type(event) for _, event in live} >= kinds - {
        ProfileUpdated, ConsentChanged, ErasureRequested,
    }  # fmt: skip


def test_everybody_is_labelled_as_simulated(facts: Facts) -> None:
    for _, event in facts:
        assert event.event_id.startswith("sim-1-")
        if not isinstance(event, Event):
            continue
        assert event.subject.startswith("sim-1-")
        if isinstance(event, ProfileUpdated):
            assert event.traits == {"source": "simulation"}


# Time.


def test_a_history_lies_in_the_days_before_the_start(history: Facts) -> None:
    times = [event.occurred_at for _, event in history]
    assert START_AT - DAYS * DAY <= min(times) < START_AT - 0.9 * DAYS * DAY
    assert START_AT - DAY < max(times) < START_AT


def test_a_history_tells_one_customer_after_the_other_each_in_time_order(history: Facts) -> None:
    subjects = [event.subject for event in of_customers(history)]
    changes = sum(one != other for one, other in pairwise(subjects))
    assert changes == len(set(subjects)) - 1 == 399
    for events in by_customer(history).values():
        assert all(one.occurred_at <= other.occurred_at for one, other in pairwise(events))


def test_a_customer_begins_with_a_profile_and_consents_and_ends_with_an_erasure(
    history: Facts,
) -> None:
    for events in by_customer(history).values():
        assert [type(it) for it in events[:3]] == [ProfileUpdated, ConsentChanged, ConsentChanged]
        assert ErasureRequested not in [type(it) for it in events[:-1]]


def test_some_customers_stop_coming_and_do_not_come_back(history: Facts, live: Facts) -> None:
    gone = {
        who.customer_id for who in (shopper(seed=1, number=n) for n in range(400))
        if who.leaves_after is not None
    }  # fmt: skip
    assert 60 < len(gone) < 140
    assert not gone & by_customer(live).keys()
    last_at = {who: events[-1].occurred_at for who, events in by_customer(history).items()}
    silent = {who for who, at in last_at.items() if at < START_AT - 30 * DAY}
    assert len(silent & gone) > len(gone) / 5
    assert len(silent - gone) < len(silent & gone)


@pytest.mark.parametrize("rate", [0.5, 20, 3_000])
def test_live_brings_one_event_each_time_the_rate_says(rate: float, simulation: Simulation) -> None:
    times = [event.occurred_at for _, event in islice(simulation.live(rate), 200)]
    assert times == [START_AT + round(n * SECOND / rate) for n in range(200)]


def test_live_sessions_interleave(live: Facts) -> None:
    subjects = [event.subject for event in of_customers(live)]
    same_twice = sum(one == other for one, other in pairwise(subjects))
    assert same_twice < len(subjects) / 10


@pytest.mark.parametrize("seed", range(10))
def test_a_minute_of_live_has_something_for_the_agents(seed: int) -> None:
    shop = Simulation(customers=200, seed=seed, start_at=START_AT)
    minute = of_customers(islice(shop.live(RATE), MINUTE_EVENTS))
    assert len({event.subject for event in minute}) > 60
    assert sum(isinstance(it, ReviewPosted) and it.rating <= 2 for it in minute) >= 1
    assert sum(isinstance(it, OrderPlaced) for it in minute) >= 20


@pytest.mark.parametrize("customers", [1, 2, 9])
def test_a_small_shop_lives_too(customers: int) -> None:
    shop = Simulation(customers, seed=3, start_at=START_AT)
    assert len(list(islice(shop.live(RATE), 2_000))) == 2_000


def test_a_shop_without_customers_or_without_a_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one customer, not 0"):
        Simulation(0, seed=1, start_at=START_AT)
    with pytest.raises(ValueError, match="above zero, not 0"):
        next(Simulation(1, seed=1, start_at=START_AT).live(0))


# Sense.


def test_an_order_holds_what_was_put_into_the_cart_and_not_taken_out(facts: Facts) -> None:
    orders = 0
    for events in by_customer(facts).values():
        cart: Counter[str] = Counter()
        for event in events:
            match event:
                case ProductAdded():
                    cart[event.product_id] += event.quantity
                case ProductRemoved():
                    cart[event.product_id] -= event.quantity
                case OrderPlaced():
                    orders += 1
                    assert +cart == {it.product_id: it.quantity for it in event.products}
                    cart.clear()
    assert orders > 300


def test_an_order_follows_its_checkout_and_some_checkouts_are_abandoned(facts: Facts) -> None:
    checkouts: set[str | None] = set()
    for _, event in facts:
        if isinstance(event, CheckoutStarted):
            checkouts.add(event.order_id)
        elif isinstance(event, OrderPlaced):
            assert event.order_id in checkouts
    assert len(order_ids(facts)) < len(checkouts)


def test_nothing_happens_to_an_order_before_it_is_placed(facts: Facts) -> None:
    placed: set[str] = set()
    for _, event in facts:
        match event:
            case OrderPlaced():
                placed.add(event.order_id)
            case CheckoutStarted():
                pass
            case _:
                assert getattr(event, "order_id", None) in {None, *placed}


def test_the_customers_own_rhythms_differ_and_each_is_fairly_regular(
    simulation: Simulation,
) -> None:
    means, scatters = [], []
    for events in by_customer(list(simulation.history(365))).values():
        placed = [it.occurred_at for it in events if isinstance(it, OrderPlaced)]
        gaps = [(after - before) / DAY for before, after in pairwise(placed)]
        if len(gaps) >= 8:
            mean = sum(gaps) / len(gaps)
            means.append(mean)
            variance = sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1)
            scatters.append(variance**0.5 / mean)
    assert max(means) > 5 * min(means)
    # A gamma distribution of shape 4 scatters by half of its mean.
    assert 0.4 < sum(scatters) / len(scatters) < 0.6


def test_shares_are_as_described(history: Facts, live: Facts) -> None:
    consents = [event for _, event in history if isinstance(event, ConsentChanged)]
    for purpose in ("marketing", "personalisation"):
        granted = [it.granted for it in consents if it.purpose == purpose]
        assert len(granted) == 400
        assert 0.72 < sum(granted) / 400 < 0.88
    ratings = [it.rating for _, it in [*history, *live] if isinstance(it, ReviewPosted)]
    assert 0.07 < sum(rating <= 2 for rating in ratings) / len(ratings) < 0.13


def test_what_goes_together_is_bought_together(history: Facts) -> None:
    assert sum(len(products) for products in CATALOGUE.values()) == 204
    pairs = related = 0
    for _, event in history:
        if isinstance(event, OrderPlaced):
            bought = {item.product_id for item in event.products}
            for product_id in bought:
                goes_with = {it.product_id for it in GOES_WITH[product_id]}
                pairs += len(bought) - 1
                related += len(bought & goes_with)
    # By chance one in forty would be.
    assert related / pairs > 0.4

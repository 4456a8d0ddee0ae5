"""Caps: no stretch of time ever holds more triggers than a cap allows, in any order of deciding.

The model is a list that forgets nothing.
"""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.gate.caps import Cap, exceeded, free_at, is_full, note
from schemas.instant import DAY, HOUR, MINUTE
from state.held import TOUCHES_MAX, Touch

START = 1_768_896_000_000  # 2026-01-20 08:00 UTC
LATENESS = HOUR

KINDS, CHANNELS = ("churn_alert", "win_back"), ("email", "sms", "")

CAPS = st.lists(
    st.builds(
        Cap,
        sent_max=st.one_of(st.integers(1, 4), st.integers(1, TOUCHES_MAX)),
        # Shorter than the lateness, as long, and longer.
        hours=st.sampled_from([0.25, 1.0, 1.5, 6.0, 24.0]),
        per=st.sampled_from(["customer", "kind", "channel"]),
        kinds=st.sampled_from([(), (KINDS[0],), KINDS]),
        channels=st.sampled_from([(), CHANNELS[:1], CHANNELS[:2]]),
    ),
    max_size=3,
)
# How much later the clock is than at the attempt before, how much later or earlier than the clock
# the moment of the attempt is, and for what it is.
STEPS = st.sampled_from([0, 0, 1, MINUTE, 15 * MINUTE, HOUR, 2 * HOUR])
ATTEMPTS = st.lists(
    st.tuples(
        STEPS,
        st.one_of(st.just(0), st.integers(-LATENESS, HOUR), st.sampled_from([-LATENESS, -HOUR])),
        st.sampled_from(KINDS),
        st.sampled_from(CHANNELS),
    ),
    min_size=1,
    max_size=50,
)
Attempts = list[tuple[int, int, str, str]]


def counts_with(cap: Cap, touch: Touch, other: Touch) -> bool:
    """The model: whether a cap counts two triggers together."""
    for it in (touch, other):
        if (cap.kinds and it.kind not in cap.kinds) or (
            cap.channels and it.channel not in cap.channels
        ):
            return False
    match cap.per:
        case "customer":
            return True
        case "kind":
            return touch.kind == other.kind
        case "channel":
            return touch.channel == other.channel


def most_in_a_window(cap: Cap, touches: Sequence[Touch]) -> int:
    """The model: of all windows that end with a touch, how many touches the fullest one holds."""
    length = cap.hours * HOUR
    return max(
        (
            sum(
                last.at - length < it.at <= last.at and counts_with(cap, last, it) for it in touches
            )
            for last in touches
        ),
        default=0,
    )


def is_refused(caps: Sequence[Cap], sent: Sequence[Touch], touch: Touch) -> bool:
    """The model: whether as many as are allowed came less than a window before, or later."""
    return any(
        sum(it.at > touch.at - cap.hours * HOUR and counts_with(cap, touch, it) for it in sent)
        >= cap.sent_max
        for cap in caps
    )


def still_count(caps: Sequence[Cap], sent: Sequence[Touch], earliest_at: int) -> list[Touch]:
    """The model: what a cap could count together with something at that moment or later."""
    return [
        it
        for it in sent
        if any(counts_with(cap, it, it) and it.at + cap.hours * HOUR > earliest_at for cap in caps)
    ]


def attempted(caps: Sequence[Cap], attempts: Attempts) -> list[Touch]:
    """What is let out of all that; on the way, each answer is held against the model's."""
    clock_at, touches, sent = START, list[Touch](), list[Touch]()
    for step, away, kind, channel in attempts:
        clock_at += step
        earliest_at, touch = clock_at - LATENESS, Touch(clock_at + away, kind, channel)
        cap = exceeded(caps, touches, kind, channel, touch.at)
        assert (cap is not None) == is_refused(caps, sent, touch)
        full = is_full(caps, touches, kind, channel, earliest_at)
        if full:
            assert len(still_count(caps, sent, earliest_at)) == TOUCHES_MAX
        if cap is None and not full:
            note(touches, touch, earliest_at, caps)
            sent.append(touch)
            assert touches == still_count(caps, sent, earliest_at)
        assert len(touches) <= TOUCHES_MAX
    return sent


@given(caps=CAPS, attempts=ATTEMPTS)
@settings(max_examples=200, deadline=None)
@example(
    # Broken where a touch is forgotten as soon as the clock has passed it by a window.
    caps=[Cap(sent_max=1, hours=1.0, per="kind")],
    attempts=[(0, 0, KINDS[0], ""), (HOUR, 0, KINDS[1], ""), (0, -30 * MINUTE, KINDS[0], "")],
)
def test_no_window_ever_holds_more_than_a_cap_allows(caps: list[Cap], attempts: Attempts) -> None:
    sent = attempted(caps, attempts)
    assert [cap for cap in caps if most_in_a_window(cap, sent) > cap.sent_max] == []


@given(caps=CAPS, attempts=ATTEMPTS)
@settings(max_examples=200, deadline=None)
def test_in_order_nothing_is_refused_that_no_window_forbids(
    caps: list[Cap], attempts: Attempts
) -> None:
    clock_at, sent = START, list[Touch]()
    for step, _, kind, channel in attempts:
        clock_at += step
        touch = Touch(clock_at, kind, channel)
        more = [*sent, touch]
        forbidden = any(
            counts_with(cap, touch, touch) and most_in_a_window(cap, more) > cap.sent_max
            for cap in caps
        )
        assert (exceeded(caps, sent, kind, channel, clock_at) is not None) == forbidden
        if not forbidden:
            sent = more


@given(caps=CAPS, attempts=ATTEMPTS, ahead=st.integers(0, HOUR))
@settings(max_examples=150, deadline=None)
def test_the_moment_that_is_promised_is_the_first_that_is_free(
    caps: list[Cap], attempts: Attempts, ahead: int
) -> None:
    def is_free(at: int) -> bool:
        full = is_full(caps, touches, kind, channel, at - LATENESS)
        return not full and exceeded(caps, touches, kind, channel, at) is None

    touches = attempted(caps, attempts)[-TOUCHES_MAX:]
    _, _, kind, channel = attempts[-1]
    at = START + sum(step for step, *_ in attempts) + ahead
    free = free_at(caps, touches, kind, channel, at, at - LATENESS)
    assert free >= at
    assert is_free(free)
    assert is_free(free + 1)
    assert free == at or not is_free(free - 1)


# Examples ----------------------------------------------------------------------------------------


def test_a_least_distance_is_a_cap_of_one() -> None:
    caps, touches = [Cap(sent_max=1, hours=24)], [Touch(START, "win_back", "email")]
    refused = [exceeded(caps, touches, "cart", "sms", START + it) for it in (0, DAY - 1, DAY)]
    assert refused == [caps[0], caps[0], None]
    assert free_at(caps, touches, "cart", "sms", START, START) == START + DAY
    assert free_at(caps, touches, "cart", "sms", START + 2 * DAY, START) == START + 2 * DAY


def test_a_touch_counts_against_what_is_decided_later_for_an_earlier_moment() -> None:
    caps, touches = [Cap(sent_max=1, hours=24)], [Touch(START, "win_back", "email")]
    assert exceeded(caps, touches, "cart", "sms", START - HOUR) is caps[0]


def test_a_cap_counts_only_what_it_is_for() -> None:
    touches = [Touch(START, "win_back", "email"), Touch(START, "churn_alert", "sms")]

    def refuses(kind: str, channel: str, cap: Cap) -> bool:
        return exceeded([cap], touches, kind, channel, START) is not None

    assert refuses("cart", "push", Cap(sent_max=2, hours=1))
    assert not refuses("win_back", "email", Cap(sent_max=3, hours=1))
    assert refuses("win_back", "push", Cap(sent_max=1, hours=1, per="kind"))
    assert not refuses("cart", "email", Cap(sent_max=1, hours=1, per="kind"))
    assert refuses("cart", "email", Cap(sent_max=1, hours=1, per="channel"))
    assert not refuses("win_back", "push", Cap(sent_max=1, hours=1, per="channel"))
    assert refuses("cart", "sms", Cap(sent_max=1, hours=1, channels=("email", "sms")))
    assert not refuses("cart", "push", Cap(sent_max=1, hours=1, channels=("email", "sms")))
    assert not refuses("cart", "sms", Cap(sent_max=1, hours=1, kinds=("cart",)))
    # Text messages, each kind for itself.
    texts = Cap(sent_max=1, hours=1, per="kind", channels=("sms",))
    assert refuses("churn_alert", "sms", texts)
    assert not refuses("win_back", "sms", texts)
    assert not refuses("churn_alert", "email", texts)


def test_the_first_cap_that_would_be_broken_is_named() -> None:
    touches = [Touch(START, "win_back", "email")]
    roomy, daily, weekly = (Cap(sent_max=n, hours=24 * it) for n, it in ((2, 1), (1, 1), (1, 7)))
    assert exceeded([roomy, daily, weekly], touches, "cart", "sms", START) is daily
    assert exceeded([roomy, weekly, daily], touches, "cart", "sms", START) is weekly


def test_caps_let_out_nothing_that_they_could_not_count() -> None:
    caps = [Cap(sent_max=20, hours=24, per="kind", kinds=KINDS)]
    touches: list[Touch] = []
    for i in range(TOUCHES_MAX):
        assert not is_full(caps, touches, KINDS[i % 2], "sms", START - LATENESS)
        note(touches, Touch(START + i, KINDS[i % 2], "sms"), START - LATENESS, caps)
    at = START + HOUR
    assert exceeded(caps, touches, "win_back", "sms", at) is None
    assert is_full(caps, touches, "win_back", "sms", at - LATENESS)
    # A lateness after the first of them ceases to count, one can be kept again.
    free = free_at(caps, touches, "win_back", "sms", at, at - LATENESS)
    assert free == START + DAY + LATENESS
    assert not is_full(caps, touches, "win_back", "sms", free - LATENESS)

    before = touches[:]
    with pytest.raises(ValueError) as refusal:
        note(touches, Touch(at, "win_back", "sms"), at - LATENESS, caps)
    assert str(refusal.value) == "32 touches still count: a trigger more could not be kept"
    assert touches == before
    # What no cap is for always has room, for it is not kept.
    assert not is_full(caps, touches, "receipt", "sms", at - LATENESS)
    note(touches, Touch(at, "receipt", "sms"), at - LATENESS, caps)
    assert touches == before


def test_what_no_cap_counts_is_not_kept() -> None:
    touches: list[Touch] = []
    note(touches, Touch(START, "win_back", "email"), START, [])
    assert touches == []
    caps = [Cap(sent_max=1, hours=24, kinds=("cart",)), Cap(sent_max=1, hours=1)]
    note(touches, Touch(START, "win_back", "email"), START, caps)
    note(touches, Touch(START + HOUR, "cart", "email"), START + HOUR, caps)
    assert [it.kind for it in touches] == ["cart"]


def test_caps_that_a_row_could_not_keep_are_refused() -> None:
    for wrong in ({"sent_max": 0}, {"sent_max": 33}, {"hours": 0}, {"hours": 9000}, {"per": "day"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"sent_max": 1, "hours": 24} | wrong, Cap)
    assert msgspec.convert({"sent_max": 32, "hours": 8784}, Cap).per == "customer"


def test_a_touch_takes_some_thirty_bytes_in_a_row() -> None:
    row = msgspec.msgpack.encode([Touch(START, "product_recommendation", "email")] * TOUCHES_MAX)
    assert len(row) < TOUCHES_MAX * 40 + 8
    assert msgspec.msgpack.decode(row, type=list[Touch])[0].channel == "email"

"""Portraits: a trait is learned by one agent, read by all, fades if it was guessed, and is bounded."""

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from partition import Partition
from timeline import check

from agents.agent import Act, Agent, Learn, Note, View
from agents.roster import _agree_on_traits
from schemas.clickstream import PageViewed
from schemas.instant import DAY
from state.portrait import CONFIDENCE_MIN, PORTRAIT_MAX, Portrait, Trait, known, learn

AT = 20_000 * DAY


class Learner(Agent, frozen=True):
    """Learns what the url says: ``trait:value:confidence:half_life``."""

    listens: ClassVar = (PageViewed,)
    learns: ClassVar = {"mood": Literal["glad", "sad"], "likes": str}

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Learn it."""
        trait, value, confidence, half_life = event.url.split(":")
        yield Learn(trait, value or None, float(confidence), int(half_life))


class Reader(Agent, frozen=True):
    """Notes what is known; by its name it is asked after the one who learns."""

    listens: ClassVar = (PageViewed,)

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Read it."""
        yield Note(reason=customer.trait("mood") or "unknown")


def test_what_one_agent_learns_another_reads_until_it_has_faded_timeline() -> None:
    check(
        """
        2026-01-01 08:00  ann  page_viewed url=mood:glad:0.8:10   -> noted reader reason=glad
        # After three half-lives of ten days it is at a tenth, and at less no guess any more.
        2026-01-30 08:00  ann  page_viewed url=likes:tea:1:0      -> noted reader reason=glad
        2026-02-01 08:00  ann  page_viewed url=likes:tea:1:0      -> noted reader reason=unknown
        2026-02-01 09:00  ann  page_viewed url=mood:sad:1:0       -> noted reader reason=sad
        2027-02-01 09:00  ann  page_viewed url=likes::1:0         -> noted reader reason=sad
        2027-02-01 09:01  ann  page_viewed url=mood::1:0          -> noted reader reason=unknown
        """,
        Learner(),
        Reader(),
    )


@pytest.mark.parametrize(
    "url", ["height:tall:1:0", "mood:angry:1:0", "mood:glad:1.2:0", "mood:glad:-0.1:0"]
)
def test_what_an_agent_does_not_name_it_cannot_learn(url: str) -> None:
    partition = Partition(Learner())
    (failed,) = partition.facts(
        PageViewed(event_id="e", occurred_at=AT, customer_id="ann", url=url)
    )
    assert failed.reason == "agent_failed"
    row = partition.row("ann")
    assert row is not None
    assert row.portrait == {}


def test_a_trait_has_one_agent_who_learns_it() -> None:
    class Second(Agent, frozen=True):
        learns: ClassVar = {"mood": str}

    with pytest.raises(TypeError, match="agents learner and second both learn the trait 'mood'"):
        _agree_on_traits([Learner(), Second()])


@given(
    st.lists(st.tuples(st.sampled_from([f"t{n}" for n in range(40)]), st.integers(0, 900))),
)
def test_a_portrait_keeps_to_its_bound_and_lets_go_of_the_oldest(
    learned: list[tuple[str, int]],
) -> None:
    portrait: Portrait = {}
    for name, day in learned:
        gone = set(portrait)
        learn(portrait, name, Trait("x", day))
        gone -= set(portrait)
        assert len(portrait) <= PORTRAIT_MAX
        assert not gone or len(portrait) == PORTRAIT_MAX


@given(st.integers(0, 100), st.integers(0, 400), st.integers(0, 2_000))
def test_confidence_never_grows_and_what_is_sure_never_fades(
    percent: int, half_life: int, days: int
) -> None:
    trait = Trait("x", 20_000, percent, half_life)
    at = AT + days * DAY
    assert 0 <= trait.confidence(at + DAY) <= trait.confidence(at) <= percent / 100
    if not half_life:
        assert known({"t": trait}, "t", at) == "x"
    elif trait.confidence(at) < CONFIDENCE_MIN:
        assert known({"t": trait}, "t", at) == ""


def test_all_traits_that_are_learned_find_room() -> None:
    from agents.roster import known_agents

    traits: list[Any] = [trait for agent in known_agents().values() for trait in agent.learns]
    assert len(traits) == len(set(traits)) <= PORTRAIT_MAX

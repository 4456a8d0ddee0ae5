"""Scenarios: each shows what it promises under the shipped settings, and every kind has one."""

import re

import pytest
from msgspec.structs import replace

from agents.promotion import Promotion
from agents.roster import known_agents
from config.settings import load_settings
from schemas.instant import to_text
from schemas.orders import OrderPlaced
from streams.bootstrap import load_policy
from streams.simulated.playing import Scene, play
from streams.simulated.scenario import GROUPS, ScenarioError, catalogue, names, read, written

POLICY = load_policy(load_settings({}, coupon_key="of a test"))
AGENTS = known_agents()
KINDS = {kind for agent in AGENTS.values() for kind in agent.says}

HEAD = """title: A cart is left
group: Rules of sending
shows: abandoned_cart
agents: abandoned_cart

Ann leaves a cart.

"""
CART = """2026-03-02 10:00  ann  consent_changed purpose=marketing
2026-03-02 10:05:30  ann  product_added product=tent:1x19900
"""


def sent(scenes: list[Scene]) -> list[tuple[str, str]]:
    """When and what, of all that left."""
    return [
        (to_text(scene.at), it.kind)
        for scene in scenes
        for it in scene.decided
        if it.outcome == "sent"
    ]


def kinds(scenes: list[Scene]) -> set[str]:
    return {kind for _, kind in sent(scenes)}


@pytest.mark.parametrize("name", names())
def test_a_scenario_timeline_shows_what_it_promises(name: str) -> None:
    scenario = read(name)
    assert set(scenario.shows) <= KINDS
    scenes = play(scenario, POLICY)
    assert kinds(scenes) >= set(scenario.shows)
    # Whoever is named says or learns something in it; extras would hide what it is about.
    decided = [it for scene in scenes for it in scene.decided]
    learned = {trait for scene in scenes for trait in scene.learned}
    learners = {it for it in scenario.agents if learned & AGENTS[it].learns.keys()}
    assert {it.agent for it in decided} | learners == set(scenario.agents)
    assert not [it for it in decided if it.reason == "agent_failed"]


@pytest.mark.parametrize("name", names())
def test_a_scenario_can_be_played_with_all_agents(name: str) -> None:
    scenes = play(read(name), POLICY, all_agents=True)
    decided = [it for scene in scenes for it in scene.decided]
    learned = {trait for scene in scenes for trait in scene.learned}
    for agent in read(name).agents:
        assert agent in {it.agent for it in decided} or learned & AGENTS[agent].learns.keys()
    assert not [it for it in decided if it.reason == "agent_failed"]


@pytest.mark.parametrize("name", names())
def test_a_scenario_is_short_and_says_what_it_is_about(name: str) -> None:
    scenario = read(name)
    assert re.fullmatch(r"[a-z-]+", name)
    assert 5 <= len(scenario.rows) <= 15
    assert 2 <= len(re.findall(r"[.?!](?= |$)", scenario.about)) <= 4
    assert sum(bool(row.comment) for row in scenario.rows) >= 2


def test_every_kind_of_trigger_can_be_seen_in_a_scenario() -> None:
    shown = {kind for it in catalogue() for kind in it.shows}
    assert KINDS - shown == set(), "write a story in streams/simulated/scenarios"
    assert {it.group for it in catalogue()} == set(GROUPS)


def test_a_scenario_does_not_hang_on_the_secret_of_the_installation() -> None:
    other = load_policy(load_settings({}, coupon_key="another one"))
    for name in ("win-back", "win-back-ladder"):
        assert sent(play(read(name), other)) == sent(play(read(name), POLICY))


def test_a_coupon_that_an_order_names_by_its_kind_is_the_code_that_was_sent() -> None:
    scenes = play(read("win-back"), POLICY)
    ordered = [it.event for it in scenes if isinstance(it.event, OrderPlaced)][-1]
    assert re.fullmatch(r"EBB(-[A-Z2-7]{4}){3}", ordered.coupons[0])
    assert "redeemed" in {it.reason for scene in scenes for it in scene.decided}


def test_the_clock_of_a_scenario_timeline_finds_what_is_due_at_its_second() -> None:
    story = written("cart", f"{HEAD}{CART}2026-03-03 10:00  ann  (A day later.)\n")
    assert sent(play(story, POLICY)) == [("2026-03-02T11:05:30.000Z", "abandoned_cart")]


def test_a_clock_that_stops_in_a_scenario_timeline_is_as_late_as_an_outage_makes_it() -> None:
    rows = "2026-03-02 10:10  clock  stops\n2026-03-02 11:30  clock  goes_on\n"
    story = written("cart", f"{HEAD}{CART}{rows}2026-03-03 10:00  ann  (A day later.)\n")
    assert sent(play(story, POLICY)) == [("2026-03-02T11:30:00.000Z", "abandoned_cart")]


def test_a_comment_stands_with_what_is_said_at_its_moment() -> None:
    story = written("cart", f"{HEAD}{CART}2026-03-02 11:05:30  ann  (Now.)\n")
    last = play(story, POLICY)[-1]
    assert (last.comment, [it.kind for it in last.decided]) == ("Now.", ["abandoned_cart"])


def test_the_settings_of_a_scenario_go_before_those_of_the_installation_key_by_key() -> None:
    ours = [Promotion(look_ahead_days=3) if it.name == "promotion" else it for it in POLICY.agents]
    scenario = read("promotion")
    for all_agents in (False, True):
        cast = scenario.cast(ours, all_agents=all_agents)
        promotion = next(it for it in cast if isinstance(it, Promotion))
        assert promotion.look_ahead_days == 3
        assert [it.name for it in promotion.planned] == ["spring-sale"]
    # Without them nothing is planned, so nothing is said.
    assert sent(play(replace(scenario, settings={}), POLICY)) == []


def test_settings_that_do_not_go_with_those_of_the_installation_are_told() -> None:
    scenario = replace(read("markets"), settings={"abandoned_cart": {"after_minutes": "soon"}})
    with pytest.raises(ScenarioError, match=r"agents\.abandoned_cart\.after_minutes.*'soon'"):
        play(scenario, POLICY)


def test_a_scenario_sets_nothing_that_it_is_not_about() -> None:
    for section in ("agents.welcome", "gate"):
        text = f"{HEAD}settings:\n[{section}]\npriority = 3\n\n{CART}"
        with pytest.raises(ValueError, match=f"cart: .* and not of {section}"):
            written("cart", text)


def test_a_head_that_lacks_a_line_or_names_another_group_is_told() -> None:
    with pytest.raises(ValueError, match="cart: its head lacks, or should not have, shows"):
        written("cart", HEAD.replace("shows: abandoned_cart\n", "") + CART)
    with pytest.raises(ValueError, match="group is 'Odds and ends'; there are From a look"):
        written("cart", HEAD.replace("Rules of sending", "Odds and ends") + CART)


def test_what_is_learned_is_shown_when_it_is_another_value() -> None:
    tiers = [it.learned["tier"] for it in play(read("tiers"), POLICY) if "tier" in it.learned]
    assert tiers == ["silver", "gold", "silver"]

"""Scenarios: each shows what it promises under the shipped settings, with nothing running."""

import json
import re

import pytest
from command_line import Ebbtide

from agents.roster import known_agents
from config.settings import load_settings
from streams.bootstrap import load_policy
from streams.simulated.playing import play
from streams.simulated.scenario import names, read

POLICY = load_policy(load_settings({}, coupon_key="of a test"))
KINDS = {kind for agent in known_agents().values() for kind in agent.says}


def test_there_are_at_least_eight_of_them() -> None:
    assert len(names()) >= 8


@pytest.mark.parametrize("name", names())
def test_a_scenario_timeline_shows_what_it_promises(name: str) -> None:
    scenario = read(name)
    assert re.fullmatch(r"[a-z-]+", name)
    assert set(scenario.shows) <= KINDS
    scenes = play(scenario, POLICY)
    decided = [it for scene in scenes for it in scene.decided]
    assert {it.kind for it in decided if it.outcome == "sent"} >= set(scenario.shows)
    # Whoever is named has something to say in it; a cast of extras would hide what it is about.
    assert {it.agent for it in decided} == set(scenario.agents)
    assert not [it for it in decided if it.reason == "agent_failed"]


@pytest.mark.parametrize("name", names())
def test_a_scenario_can_be_played_with_all_agents(name: str) -> None:
    decided = [it for scene in play(read(name), POLICY, all_agents=True) for it in scene.decided]
    assert {it.agent for it in decided} >= set(read(name).agents)
    assert not [it for it in decided if it.reason == "agent_failed"]


def test_the_command_tells_the_story_to_people_and_to_programs(ebbtide: Ebbtide) -> None:
    code, told, complained = ebbtide("simulate", "--scenario", "win-back")
    assert (code, complained) == (0, "")
    assert "order_placed products=coffee:3x899" in told
    assert "win_back_coupon alert_unanswered by email" in told
    code, told, _ = ebbtide("simulate", "--scenario", "win-back", "--json")
    scenes = [json.loads(line) for line in told.splitlines()]
    kinds = [it["kind"] for scene in scenes for it in scene["decided"]]
    assert kinds[:2] == ["churn_alert", "win_back_coupon"]
    assert scenes[0]["happens"] == "consent_changed purpose=marketing"


def test_the_command_lists_them(ebbtide: Ebbtide) -> None:
    code, told, _ = ebbtide("simulate", "--scenario", "list", "--json")
    assert code == 0
    assert [json.loads(line)["name"] for line in told.splitlines()] == [*names()]


def test_a_scenario_that_is_not_there_or_whose_agent_is_off_is_told(
    ebbtide: Ebbtide, tmp_path: object
) -> None:
    code, _, complained = ebbtide("simulate", "--scenario", "nowhere")
    assert code == 1
    assert "there is no scenario 'nowhere'; there are abandoned-cart" in complained
    config = f"{tmp_path}/engine.toml"
    with open(config, "w") as file:  # noqa: PTH123 - one line
        file.write("[agents.churn_alert]\n")
    code, _, complained = ebbtide("simulate", "--scenario", "win-back", "--config", config)
    assert code == 1
    assert "add the section [agents.win_back_coupon] to engine.toml" in complained

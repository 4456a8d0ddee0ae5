"""Scenarios on the terminal: told to people in words, to programs as JSON, with nothing running."""

import json
import re
from pathlib import Path

import pytest
from command_line import Ebbtide

from schemas.clickstream import ProductAdded
from streams.commands import terminal
from streams.commands.storytelling import happening, learned
from streams.simulated.scenario import catalogue, names, read


@pytest.mark.parametrize("name", names())
def test_a_story_reads_as_words_and_fits_a_hundred_columns(ebbtide: Ebbtide, name: str) -> None:
    code, told, complained = ebbtide("simulate", "--scenario", name)
    assert (code, complained) == (0, "")
    config = [line for line in told.splitlines() if line.startswith("Settings: ")]
    lines = [line for line in told.splitlines() if line not in config]
    assert max(map(len, lines)) <= 100
    # No amount in minor units, no moment of a machine, no notation and no JSON.
    for raw in (".000Z", '{"', "[{", "order_placed", "purpose=", "None"):
        assert raw not in told
    assert not re.search(r"_cents \d", told)
    for kind in read(name).shows:
        assert f"→ {kind} " in told
    for page in re.findall(r"docs/triggers/\w+\.md", told):
        assert (Path(__file__).parents[1] / page).exists()


def test_a_story_fits_a_narrow_terminal(ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal.out, "width", 80)
    _, told, _ = ebbtide("simulate", "--scenario", "win-back")
    lines = [line for line in told.splitlines() if not line.startswith("Settings: ")]
    assert max(map(len, lines)) <= 80


def test_a_story_says_when_what_for_whom_and_where_to_go_on(ebbtide: Ebbtide) -> None:
    _, told, _ = ebbtide("simulate", "--scenario", "win-back")
    lines = [line.rstrip() for line in told.splitlines()]
    assert "Mon 2026-01-05 09:00  ann  consent given: marketing" in lines
    # A day is named once, and what lies between is told where it is long.
    assert any(
        line.startswith(" " * 15 + "09:05  ann  order placed: 2 x espresso") for line in lines
    )
    assert " " * 27 + "86 days later" in lines
    assert "→ churn_alert to the shop's people: quiet for unusually long" in told
    assert "→ win_back_coupon by email: alert unanswered" in told
    assert "value 6.60 EUR; expires 2026-06-16 10:14 UTC" in told
    assert "Read on: docs/triggers/churn_alert.md, docs/triggers/win_back_coupon.md" in told
    assert "Play next: --scenario churn-causes, win-back-ladder;" in told


def test_a_story_tells_the_customers_own_clock_and_what_was_refused(ebbtide: Ebbtide) -> None:
    _, told, _ = ebbtide("simulate", "--scenario", "quiet-hours")
    assert "→ abandoned_cart by push, Wed 08:00 in Asia/Tokyo: cart untouched" in told
    assert "→ abandoned_cart deferred by push" in told
    assert "It is quiet where the customer is (Asia/Tokyo); it may leave at" in told


def test_a_story_shows_its_own_settings(ebbtide: Ebbtide) -> None:
    _, told, _ = ebbtide("simulate", "--scenario", "promotion")
    assert 'audience = { country = ["AT", "DE"] }' in told


def test_a_story_says_so_where_other_settings_show_nothing(
    ebbtide: Ebbtide, tmp_path: Path
) -> None:
    config = tmp_path / "engine.toml"
    config.write_text("[agents.abandoned_cart]\nvalue_cents_min = 1000000\n")
    _, told, _ = ebbtide("simulate", "--scenario", "abandoned-cart", "--config", str(config))
    assert "Under these settings, not sent: abandoned_cart." in told


def test_a_program_gets_each_moment_with_all_that_was_decided(ebbtide: Ebbtide) -> None:
    code, told, _ = ebbtide("simulate", "--scenario", "tiers", "--json")
    scenes = [json.loads(line) for line in told.splitlines()]
    assert code == 0
    assert scenes[0]["happens"] == "order_placed order_id=M-1 products=winter-coat:1x32900"
    assert scenes[0]["decided"][0]["payload"]["tier"] == scenes[0]["learned"]["tier"] == "silver"
    assert scenes[0]["comment"] == "Over 300 EUR: silver."


def test_the_list_is_by_group_for_people_and_for_programs(ebbtide: Ebbtide) -> None:
    code, told, _ = ebbtide("simulate", "--scenario", "list")
    lines = [line.rstrip() for line in told.splitlines()]
    assert code == 0
    assert max(map(len, lines)) <= 100
    here = [lines.index(it.group) for it in catalogue()]
    assert here == sorted(here)
    for it in catalogue():
        assert f"  {it.name} " in told
    _, told, _ = ebbtide("simulate", "--scenario", "list", "--json")
    listed = [json.loads(line) for line in told.splitlines()]
    assert [it["name"] for it in listed] == [it.name for it in catalogue()]
    assert listed[0].keys() == {"name", "group", "title", "about", "shows", "agents"}


def test_a_scenario_that_is_not_there_is_told_with_those_that_are_like_it(
    ebbtide: Ebbtide,
) -> None:
    code, _, complained = ebbtide("simulate", "--scenario", "Win_Back")
    assert code == 1
    assert "there is no scenario 'Win_Back'. Did you mean win-back" in complained
    code, _, complained = ebbtide("simulate", "--scenario", "xyzzy")
    assert code == 1
    assert "Did you mean" not in complained
    assert "`ebbtide simulate --scenario list` says what there is" in complained


def test_a_scenario_whose_agent_is_off_says_what_to_add(ebbtide: Ebbtide, tmp_path: Path) -> None:
    config = tmp_path / "engine.toml"
    config.write_text("[agents.churn_alert]\n")
    code, _, complained = ebbtide("simulate", "--scenario", "win-back", "--config", str(config))
    assert code == 1
    assert "add the section [agents.win_back_coupon] to engine.toml" in complained


def test_all_agents_without_a_story_is_refused(ebbtide: Ebbtide) -> None:
    code, _, complained = ebbtide("simulate", "--all-agents")
    assert code == 2
    assert "--all-agents is for a story: name it with --scenario" in complained


def test_what_happens_is_told_with_what_the_story_names_of_it() -> None:
    added = ProductAdded(
        event_id="e1", occurred_at=1_768_896_000_000, customer_id="ann", product_id="tea",
        quantity=2, price_cents=550, currency="JPY",
    )  # fmt: skip
    written = "product_added product=tea:2x550 currency=JPY"
    assert happening(added, written) == "product added: 2 x tea at 550 JPY"
    assert learned({"tier": None, "stage": "new"}) == (
        "learned: tier is not known any more, stage = new"
    )

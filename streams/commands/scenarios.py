"""How does a scenario look? A table in which time is a row: what happens, and what is said."""

import json
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from rich.text import Text

from config.settings import Settings
from schemas.decisions import Decision
from schemas.instant import to_text
from streams.bootstrap import load_policy
from streams.commands import terminal
from streams.simulated.scenario import Scenario, ScenarioError, Scene, names, play, read

_STYLES = {"sent": "green", "deferred": "yellow", "suppressed": "yellow", "noted": "cyan"}
# A story needs a secret to make codes with; whoever has none of their own gets this one.
_STORY_KEY = "of a story"


class Told(Struct, frozen=True):
    """A scene as a program reads it."""

    at: str
    customer_id: str
    happens: str
    comment: str
    decided: list[Decision]


def show_all(*, as_json: bool) -> None:
    """Say which scenarios there are."""
    scenarios = [read(name) for name in names()]
    if as_json:
        for it in scenarios:
            terminal.say_json({"name": it.name, "title": it.title, "shows": it.shows})
        return
    listed = terminal.table("scenario", "what happens", "shows")
    for it in scenarios:
        listed.add_row(it.name, it.title, ", ".join(it.shows))
    terminal.out.print(listed)
    terminal.out.print("\nPlay one: ebbtide simulate --scenario NAME", style="dim")


def show(settings: Settings, name: str, *, all_agents: bool, as_json: bool) -> None:
    """Play a scenario and say what comes of it. Raises CommandError and ConfigError."""
    if not settings.secret("coupon_key"):
        settings = replace(settings, coupon_key=_STORY_KEY)
    try:
        scenario = read(name)
        scenes = play(scenario, load_policy(settings), all_agents=all_agents)
    except ScenarioError as error:
        raise terminal.CommandError(str(error)) from error
    if as_json:
        for it in scenes:
            told = Told(to_text(it.at), it.customer_id, it.happens, it.comment, it.decided)
            terminal.say_json(told)
        return
    _print(scenario, scenes, settings.config)


def _print(scenario: Scenario, scenes: list[Scene], config: str) -> None:
    terminal.out.print(Text(scenario.title, style="bold"))
    terminal.out.print(scenario.about)
    terminal.out.print(
        f"Settings: {config}. Nobody is real, and nothing is published.\n", style="dim"
    )
    told = terminal.table("when (UTC)", "who", "what happens", "what is said")
    for it in scenes:
        happens = Text(it.happens)
        if it.comment:
            happens.append(f"  {it.comment}", style="dim")
        said = Text("\n").join(_line(decision) for decision in it.decided)
        told.add_row(to_text(it.at)[:16].replace("T", " "), it.customer_id, happens, said)
    terminal.out.print(told)


def _line(decision: Decision) -> Text:
    line = Text()
    line.append(decision.kind, style=f"bold {_STYLES.get(decision.outcome, '')}")
    if decision.outcome != "sent":
        line.append(f" {decision.outcome}")
    line.append(f" {decision.reason}", style="dim")
    if decision.channel:
        line.append(f" by {decision.channel}", style="dim")
    for name, value in _short(json.loads(bytes(decision.payload))).items():
        line.append(f"\n  {name} {value}", style="dim")
    return line


def _short(payload: Any) -> dict[str, str]:
    """A payload's fields on a line each; what is empty is left out."""
    if not isinstance(payload, dict):
        return {}
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in payload.items()
        if value not in (None, "", [], {})
    }

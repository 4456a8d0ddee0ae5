"""How does a scenario look? A story in which time is a row: what happens, and what is said."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agents.roster import known_agents
from config.settings import Settings
from schemas.decisions import LEFT, Decision
from schemas.instant import DAY, to_text
from schemas.profiles import time_zones
from streams.bootstrap import load_policy
from streams.commands import storytelling, terminal
from streams.simulated.playing import Scene, play
from streams.simulated.scenario import Scenario, ScenarioError, catalogue, read

# A story needs a secret to make codes with; whoever has none of their own gets this one.
_STORY_KEY = "of a story"
# Lines longer than this are hard to read, however wide the terminal is.
_WIDTH_MAX = 100
# Less lies between two scenes of a conversation; more is a silence that the reader is told of.
_SILENCE_DAYS = 2
_TITLE = "bold"
_NEXT_MAX = 4


class Told(Struct, frozen=True):
    """A scene as a program reads it."""

    at: str
    customer_id: str
    happens: str
    comment: str
    decided: list[Decision]
    learned: dict[str, str | None]


class Listed(Struct, frozen=True):
    """A scenario in the list, as a program reads it."""

    name: str
    group: str
    title: str
    about: str
    shows: tuple[str, ...]
    agents: tuple[str, ...]


def show_all(*, as_json: bool) -> None:
    """Say which scenarios there are, group by group."""
    if as_json:
        for it in catalogue():
            terminal.say_json(Listed(it.name, it.group, it.title, it.about, it.shows, it.agents))
        return
    listed = Table.grid(padding=(0, 2, 0, 0))
    for group, members in groupby(catalogue(), key=lambda it: it.group):
        listed.add_row(Text(group, style=_TITLE), "")
        for it in members:
            what = Text(it.title).append(f"\n{', '.join(it.shows)}", style="dim")
            listed.add_row(Text(f"  {it.name}", style="green"), what)
        listed.add_row("", "")
    _print(listed)
    _print(Text("Play one: ebbtide simulate --scenario NAME", style="dim"))


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
            at = to_text(it.at)
            said = Told(at, it.customer_id, it.happens, it.comment, it.decided, it.learned)
            terminal.say_json(said)
        return
    _opening(scenario, settings.config)
    _print(_scenes(scenes))
    _closing(scenario, scenes, all_agents=all_agents)


def _opening(scenario: Scenario, config: str) -> None:
    _print(Text(scenario.title, style=_TITLE))
    _print(Text(scenario.about))
    if scenario.told:
        _print(Text("\nIn this story alone, before what engine.toml says:", style="dim"))
        _print(Text(textwrap.indent(scenario.told, "    "), style="dim"))
    _print(Text(f"Settings: {config}. Nobody is real, and nothing is published.\n", style="dim"))


def _scenes(scenes: Sequence[Scene]) -> Table:
    """A row for each; the day where it is another one, and what lies between where it is long."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True, max_width=12, overflow="ellipsis")
    rows.add_column(overflow="fold")
    rows.add_row(*(Text(it, style=_TITLE) for it in ("when (UTC)", "who", "what comes of it")))
    before = scenes[0].at
    for number, it in enumerate(scenes):
        days = it.at // DAY - before // DAY
        if days >= _SILENCE_DAYS:
            rows.add_row("", "", Text(f"{days} days later", style="dim italic"))
        says_something = bool(it.decided or it.learned)
        style = "" if says_something else "dim"
        when = Text(_when(it.at, with_day=days > 0 or number == 0), style=style)
        rows.add_row(when, Text(it.customer_id, style=style), Group(*_lines(it, style)))
        before = it.at
    return rows


def _when(at: int, *, with_day: bool) -> str:
    """A moment of a column in which a day is named once.

    >>> _when(1768896000000, with_day=True), _when(1768896000000, with_day=False)
    ('Tue 2026-01-20 08:00', '               08:00')
    """
    here = datetime.fromtimestamp(at / 1000, UTC)
    return f"{here:%a %Y-%m-%d %H:%M}" if with_day else f"{here:%H:%M}".rjust(20)


def _lines(scene: Scene, style: str) -> Iterator[Text | Padding]:
    if scene.event is not None:
        yield Text(storytelling.happening(scene.event, scene.happens), style=style)
    for it in scene.decided:
        line, details = storytelling.decision(it, _on_their_clock(it))
        yield line
        yield from (Padding(detail, (0, 0, 0, 2)) for detail in details)
    if scene.learned:
        yield Text(storytelling.learned(scene.learned), style="magenta")
    if scene.comment:
        yield Text(scene.comment, style="italic")


def _on_their_clock(it: Decision) -> str:
    """What the customer's own clock shows, where it is another time than ours."""
    if it.outcome not in LEFT or it.time_zone not in time_zones():
        return ""
    here = datetime.fromtimestamp(it.decided_at / 1000, ZoneInfo(it.time_zone))
    return f", {here:%a %H:%M} in {it.time_zone}" if here.utcoffset() else ""


def _closing(scenario: Scenario, scenes: list[Scene], *, all_agents: bool) -> None:
    """What did not come, where to read on, and what else there is to play."""
    sent = {it.kind for scene in scenes for it in scene.decided if it.outcome in LEFT}
    if missing := [it for it in scenario.shows if it not in sent]:
        _print(
            Text(
                f"\nUnder these settings, not sent: {', '.join(missing)}. As shipped it is; compare"
                " with the engine.toml that Ebbtide comes with.",
                style="yellow",
            )
        )
    pages = {kind: agent.name for agent in known_agents().values() for kind in agent.says}
    shown = dict.fromkeys(pages[it] for it in scenario.shows)
    others = [it.name for it in catalogue() if it.group == scenario.group]
    others = [it for it in others if it != scenario.name][:_NEXT_MAX]
    says = [f"Read on: {', '.join(f'docs/triggers/{it}.md' for it in shown)}"]
    if others:
        says.append(f"Play next: --scenario {', '.join(others)}; `--scenario list` names all")
    else:
        says.append("Play next: `--scenario list` names all")
    if not all_agents:
        says.append(
            f"Took part: {', '.join(scenario.agents)}; with --all-agents everybody who is on"
        )
    _print(Text("\n" + "\n".join(says), style="dim"))


def _print(what: RenderableType) -> None:
    terminal.out.print(what, width=min(_WIDTH_MAX, terminal.out.width))

"""The tutorial: what its page shows is an agent that works, and nothing else had to be edited."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import agents
from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.roster import hire, known_agents

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "write-an-agent.md").read_text("utf-8")
AGENT = "agents/quiet_visit.py"
TEST = "tests/test_quiet_visit.py"
SECTION = "config/engine.toml"

#: A path on a line of its own, and the file's text in the fence below it.
BLOCKS = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the page's new files; its agents/ is looked through beside the real one."""
    for path in (AGENT, TEST):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(BLOCKS[path], "utf-8")
    monkeypatch.setattr(agents, "__path__", [*agents.__path__, str(tmp_path / "agents")])
    yield tmp_path
    sys.modules.pop("agents.quiet_visit", None)
    vars(agents).pop("quiet_visit", None)


def sections(more: str = "") -> dict[str, Any]:
    """The agents' sections of the shipped configuration, with ``more`` at its end."""
    shipped = (ROOT / SECTION).read_text("utf-8")
    return dict(tomllib.loads(f"{shipped}\n{more}")["agents"])


def module_from(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_adds_one_file_one_test_and_one_section() -> None:
    assert set(BLOCKS) == {AGENT, TEST, SECTION}
    assert not (ROOT / AGENT).exists()
    assert re.findall(r"^\[.*\]$", BLOCKS[SECTION], re.MULTILINE) == ["[agents.quiet_visit]"]


def test_the_new_agent_is_found_by_its_file_and_switched_on_by_its_section(place: Path) -> None:
    hired = {agent.name: agent for agent in hire(sections(BLOCKS[SECTION]))}

    assert known_agents().keys() >= hired.keys() > {"quiet_visit"}
    assert vars(type(hired["quiet_visit"]))["__module__"] == "agents.quiet_visit"
    Engine(list(hired.values()), Gate(), EngineSettings())


def test_without_its_section_it_is_off(place: Path) -> None:
    assert "quiet_visit" not in {agent.name for agent in hire(sections())}


def test_a_key_that_it_does_not_have_is_refused_by_name(place: Path) -> None:
    with pytest.raises(ValueError, match=r"agents\.quiet_visit: .*after_days.*after_hours"):
        hire({"quiet_visit": {"after_days": 4}})


def test_the_page_s_own_timelines_pass(place: Path) -> None:
    module = module_from(place / TEST)
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]

    assert len(tests) == 4
    for timeline in tests:
        timeline()


def test_the_page_s_timelines_fail_if_the_agent_does_something_else(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_from(place / TEST)
    (other,) = hire({"quiet_visit": {"after_hours": 5, "views_min": 1}})
    monkeypatch.setattr(module, "QuietVisit", lambda: other)

    with pytest.raises(AssertionError, match="nobody expected: sent quiet_visit"):
        module.test_three_looks_and_four_quiet_hours_are_told_once()


@pytest.mark.parametrize("path", [AGENT, TEST])
@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_the_page_s_code_keeps_the_rules_of_this_repository(path: str, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "--stdin-filename", path, "-"],
        cwd=ROOT, input=BLOCKS[path], capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr

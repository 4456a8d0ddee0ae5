"""Where does a benchmark work, and what is it told? Folders, options, the peers' environment."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from rich.console import Console

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "bench"
#: What was measured, as far as it was.
FOUND = ROOT / "build" / "bench.json"
CONFIG = Path(__file__).with_name("engine.toml")
#: The Python of contenders that need other packages than Ebbtide.
PEERS = str(BUILD / "venv" / "bin" / "python")
#: The Python that draws.
_ARTIST = str(BUILD / "pictures" / "bin" / "python")

LIMIT_S = 900.0

_err = Console(stderr=True)


class Options(Struct, frozen=True):
    """What was asked for. only: parts of the names of those who shall take part; empty for all."""

    quick: bool
    rounds: int
    events: int
    customers: int
    only: tuple[str, ...] = ()

    def wants(self, name: str) -> bool:
        """Whether this one shall take part."""
        return not self.only or any(word in name for word in self.only)


class Wrong(Exception):
    """A contender did not do its work; its figures mean nothing."""


def empty_folder() -> Path:
    """Where a run may write whatever it likes; what the run before it has left is gone."""
    folder = BUILD / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Say what is being done, to whoever waits for it."""
    with _err.status(what):
        yield


def say(what: str) -> None:
    """Tell whoever waits something that they should know."""
    _err.print(what)


def make_environment() -> None:
    """The packages of contenders that need other ones than Ebbtide, in a place of their own."""
    _make(PEERS, "requirements.txt", "packages of the peers, once: a minute")


def draw(script: str, found: Path) -> int:
    """Have a module draw what was found, into docs/; returns the exit code."""
    _make(_ARTIST, "requirements-pictures.txt", "matplotlib, once: some seconds")
    command = [_ARTIST, "-m", script, str(found), str(ROOT / "docs")]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _make(python: str, packages: str, what: str) -> None:
    """An environment with these packages, unless there is one already."""
    folder = Path(python).parents[1]
    listed = Path(__file__).with_name(packages)
    installed = folder / "installed.txt"
    if installed.exists() and installed.read_text() == listed.read_text():
        return
    with doing(what):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", listed], check=True)
    installed.write_text(listed.read_text())

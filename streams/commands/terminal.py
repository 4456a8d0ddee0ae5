"""How do commands speak? Tables and colours to a person, one JSON object a line to a program.

The rule: stdout carries the answer and nothing else; progress, logs and errors go to stderr.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.settings import Settings, load_settings
from streams.commands import logs

# A file or a pipe has no width. A table in it is wide enough for ids and reasons to stay whole.
_PIPE_WIDTH = 200

out = Console(
    # What is shown comes from others: a product id in brackets is no markup, `:x:` no emoji.
    markup=False, emoji=False, highlight=False,
    width=None if sys.stdout.isatty() else _PIPE_WIDTH,
)  # fmt: skip
err = Console(stderr=True, markup=False, emoji=False, highlight=False)


class CommandError(Exception):
    """The command cannot do what was asked: what, where, and what to do, in one line."""


class UsageError(Exception):
    """The options do not go together."""


def settings_from(*, log_libraries: bool = False, **overrides: Any) -> Settings:
    """Read the settings, and set up the logs by them. Raises ConfigError.

    log_libraries: let librdkafka and the like speak too; commands say themselves what failed.
    """
    settings = load_settings(**overrides)
    logs.set_up(settings.log_level, as_json=settings.log_json, libraries=log_libraries)
    return settings


def require_text(typed_id: str) -> None:
    """Refuse an id that could be none. Raises UsageError."""
    try:
        typed_id.encode()
    except UnicodeEncodeError as error:
        raise UsageError("the ID is not text in UTF-8, as all ids are") from error


def say_json(answer: Any) -> None:
    """Write one object as a line of JSON, at once: whoever reads a pipe must not wait."""
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without vertical lines, so that it can be copied from; ``right`` ones are numbers."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def say_sections(sections: Mapping[str, Sequence[str]]) -> None:
    """Print lines under headings that stand at their left; what has no lines is left out."""
    page = table("", "")
    page.show_header = False
    for name, lines in sections.items():
        if lines:
            page.add_row(Text(name, style="bold"), "\n".join(lines))
    out.print(page)

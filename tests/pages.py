"""How is a page read? Its sections, the rows of its tables and its blocks of code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def page(name: str) -> str:
    """A page's text, by its path under the root of the repository."""
    return (ROOT / name).read_text("utf-8")


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"there is no heading {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of all tables in a text, of those that begin with a name as code."""
    lines = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)
    tables = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    return [cells for cells in tables if cells[0].startswith("`")]


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

"""Where do the figures stand? In the README and in docs/score.md, written from build/score.json.

What lies between two markers is generated, and what lies around them is left as it is.
"""

from pathlib import Path

from bench.place import ROOT
from bench.score import table
from bench.score.found import Found

BEGIN, END = "<!-- figures of `make score` -->", "<!-- end of the figures -->"


def write(found: Found) -> list[Path]:
    """Fill both pages; returns them."""
    written = {
        ROOT / "README.md": table.for_readme(found),
        ROOT / "docs" / "score.md": table.for_page(found),
    }
    for path, lines in written.items():
        path.write_text(filled(path.read_text("utf-8"), lines), "utf-8")
    return list(written)


def filled(text: str, lines: list[str]) -> str:
    """The page with these lines between its markers; it fails where it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no `{BEGIN}` and `{END}`")
    return before + "\n".join([begin, "", *lines, "", end]) + after

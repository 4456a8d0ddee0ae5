"""What has an operator labelled? A CSV file of texts, read with its mistakes by line."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, get_args

import numpy as np

from schemas.reading import Issue
from streams.commands.terminal import CommandError
from streams.reviews.training import Examples

ISSUES: tuple[Issue, ...] = get_args(Issue)
_SEPARATORS = str.maketrans(",;|/", "    ")
_FIELD_MAX = 10_000_000
# Labels that need no explanation: what is negative, and what is nothing of both.
_KNOWN: tuple[tuple[frozenset[str], frozenset[str], frozenset[str]], ...] = (
    (frozenset("01"), frozenset("0"), frozenset()),
    (frozenset("12345"), frozenset("12"), frozenset("3")),
    (
        frozenset(("negative", "positive", "neutral")),
        frozenset(("negative",)),
        frozenset(("neutral",)),
    ),
    (frozenset(("neg", "pos")), frozenset(("neg",)), frozenset()),
)


def read(
    path: Path, text_column: str, label_column: str, issue_column: str | None,
    negative: Sequence[str],
) -> Examples:  # fmt: skip
    """The examples in a file. Raises CommandError with the file, the line, and what is allowed."""
    return counted(path, text_column, label_column, issue_column, negative)[0]


def counted(
    path: Path, text_column: str, label_column: str, issue_column: str | None,
    negative: Sequence[str],
) -> tuple[Examples, int]:  # fmt: skip
    """The same, and how many lines are none: without a text or a label, or with one between."""
    texts, labels, issues = [], [], []
    lines = 0
    try:
        with _opened(path) as file:
            for line, row in _rows(path, file, [text_column, label_column, issue_column]):
                lines += 1
                text, label = row[text_column].strip(), row[label_column].strip().lower()
                if not text or not label:
                    continue
                texts.append(text)
                labels.append(label.removesuffix(".0"))
                if issue_column is not None:
                    issues.append(_issues(path, line, row[issue_column]))
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or error
        raise CommandError(f"{path}: cannot be read: {why}") from error
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{path}: not UTF-8: {error.reason} at byte {error.start}. Save it as UTF-8, or turn it"
            " into that (`iconv -f WINDOWS-1252 -t UTF-8`, or what it is in)"
        ) from error
    except csv.Error as error:
        raise CommandError(f"{path}: not CSV: {error}") from error
    if not texts:
        raise CommandError(f"{path}: no line has both a text and a label")
    is_negative, is_left_out = _meaning(path, label_column, labels, negative)
    examples = Examples(
        texts,
        np.array([it in is_negative for it in labels], bool),
        {name: np.array([name in it for it in issues], bool) for name in ISSUES if issues},
    )
    examples = examples.part(np.array([it not in is_left_out for it in labels], bool))
    return examples, lines - len(examples.texts)


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(
    path: Path, file: IO[str], columns: Sequence[str | None]
) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(_FIELD_MAX)
    lines = csv.DictReader(file, restval="")
    there = lines.fieldnames or []
    for column in columns:
        if column is not None and column not in there:
            raise CommandError(f"{path}: no column {column!r}; {_named(there)}")
    for row in lines:
        yield lines.line_num, row


def _named(columns: Sequence[str]) -> str:
    """What the first line names, and what to do about it."""
    if len(columns) == 1 and (other := next((it for it in ";\t" if it in columns[0]), "")):
        mark = "a tab" if other == "\t" else f"`{other}`"
        return f"its first line has {mark} between the columns, and a comma is wanted"
    return (
        f"the first line names {', '.join(columns) or 'none'}. It has to name the columns; say"
        " which one is meant with --text-column, --label-column or --issue-column"
    )


def _issues(path: Path, line: int, cell: str) -> frozenset[str]:
    found = frozenset(cell.lower().translate(_SEPARATORS).split())
    if unknown := sorted(found.difference(ISSUES)):
        raise CommandError(
            f"{path}, line {line}: no issue {unknown[0]!r}; allowed are {', '.join(ISSUES)},"
            " several with a comma between them, or nothing"
        )
    return found


def _meaning(
    path: Path, column: str, labels: Sequence[str], negative: Sequence[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Which labels are negative, and which are left out."""
    counts = Counter(labels)
    if negative:
        named = frozenset(it.strip().lower() for it in negative)
        if missing := sorted(named - counts.keys()):
            raise CommandError(f"{path}: no line has the label {missing[0]!r} in {column!r}")
        return named, frozenset()
    for allowed, is_negative, is_left_out in _KNOWN:
        if counts.keys() <= allowed:
            return is_negative, is_left_out
    shown = ", ".join(f"{it!r}" for it, _ in counts.most_common(5))
    raise CommandError(
        f"{path}: which labels in {column!r} are negative? There are {shown}"
        f"{' and others' if len(counts) > 5 else ''}. Understood are 0 and 1 (0 is negative), 1 to"
        " 5 stars (1 and 2 are, 3 is left out), negative and positive; else name them with"
        " --negative"
    )

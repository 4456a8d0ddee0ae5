"""How good is a model of reviews, and what does it read? Made and shown for the command line."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import process_time
from typing import get_args

import numpy as np
from msgspec import Struct

from schemas.reading import Issue, Reading
from streams.amounts import plural
from streams.commands import terminal
from streams.commands.progress import bar
from streams.commands.terminal import CommandError
from streams.reviews import training
from streams.reviews.model import ReviewModelError, load, save
from streams.reviews.reader import Mattered, Reader
from streams.reviews.training import LABELS_MIN, Bin, Examples, TrainingError


class Found(Struct, frozen=True):
    """How well a class of issue is found among the held-out texts.

    texts: how many have the label. precision, recall: of what is said, and of what is labelled.
    """

    texts: int
    precision: float
    recall: float


class Trained(Struct, frozen=True):
    """What became of it. plain: how often the more frequent label is right, of the held-out ones.

    left_out: lines without a text or a label, or with a label that is neither, as three stars are.
    by_words: issues that a list of words reads. reviews_per_s: on one core, issues included.
    """

    file: str
    version: str
    file_bytes: int
    texts: int
    held_out: int
    left_out: int
    accuracy: float
    plain: float
    calibration_error: float
    reliability: list[Bin]
    issues: dict[str, Found]
    by_words: list[str]
    reviews_per_s: int


class Told(Struct, frozen=True):
    """What is read in a text; no chance where the model knows nothing in it."""

    text: str
    negative_chance: float | None
    issues: tuple[str, ...]
    because: list[Mattered]


def train(examples: Examples, out: Path, left_out: int) -> Trained:
    """Train on four fifths, try it on the rest, and write the file. Raises CommandError."""
    away = training.held_out(examples)
    tried = examples.part(away)
    learned = _learnable(examples.part(~away))
    if not tried.texts:
        raise CommandError("too few texts: none of them is held out, to say how good the model is")
    with ExitStack() as stack:
        at: dict[str, int] = {}
        steps = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in steps:
                steps[what] = stack.enter_context(bar(what, total))
            steps[what](done - at.get(what, 0))
            at[what] = done

        try:
            model = training.train(learned, tell)
        except TrainingError as error:
            raise CommandError(str(error)) from error
    reader = Reader(model, "")
    chances = reader.chances(tried.texts)
    model = training.tried(model, chances, tried.is_negative)
    began = process_time()
    readings = reader.read(tried.texts)
    took = max(process_time() - began, 1e-9)
    try:
        version = save(out, model)
    except OSError as error:
        raise CommandError(f"{out}: cannot be written: {error.strerror or error}") from error
    share = float(tried.is_negative.mean())
    return Trained(
        file=str(out), version=version, file_bytes=out.stat().st_size, texts=model.card.texts,
        held_out=model.card.held_out, left_out=left_out, accuracy=model.card.accuracy,
        plain=round(max(share, 1 - share), 4), calibration_error=model.card.calibration_error,
        reliability=training.reliability(chances, tried.is_negative),
        issues={name: _found(name, readings, tried) for name in model.issues},
        by_words=[it for it in get_args(Issue) if it not in model.issues],
        reviews_per_s=round(len(tried.texts) / took),
    )  # fmt: skip


def _learnable(examples: Examples) -> Examples:
    """Without the issues that too few texts are labelled with."""
    enough = {
        name: labels
        for name, labels in examples.issues.items()
        if LABELS_MIN <= int(labels.sum()) <= len(labels) - LABELS_MIN
    }
    return Examples(examples.texts, examples.is_negative, enough)


def _found(name: str, readings: Sequence[Reading | None], tried: Examples) -> Found:
    said = np.array([it is not None and name in it.issues for it in readings])
    labels = tried.issues[name]  # type: ignore[index]
    both = int((said & labels).sum())
    return Found(
        int(labels.sum()),
        round(both / max(1, int(said.sum())), 4),
        round(both / max(1, int(labels.sum())), 4),
    )


def show(it: Trained) -> None:
    """Print it for a person."""
    out = terminal.out
    out.print(f"{it.file}: version {it.version}, {it.file_bytes:,} bytes", style="green")
    out.print(
        f"Trained on {it.texts:,} texts. Of {it.held_out:,} others it has {it.accuracy:.2%} right"
        f" (plain: {it.plain:.2%}).",
        soft_wrap=True,
    )
    if it.left_out:
        lines = plural(it.left_out, "line")
        out.print(f"Left out: {lines} without a text or a label, or with a label between the two.")
    out.print(f"It reads {it.reviews_per_s:,} texts a second on one core.\n")
    bins = terminal.table("said", "came", "texts", right=("said", "came", "texts"))
    for part in it.reliability:
        bins.add_row(f"{part.said:.1%}", f"{part.came:.1%}", f"{part.texts:,}")
    out.print("Reliability: the chance of a complaint as it was said, and how many were one.")
    out.print(bins)
    out.print(f"mean distance {it.calibration_error:.3f}\n")
    if it.issues:
        issues = terminal.table("issue", "texts", "precision", "recall", right=("texts",))
        for name, found in it.issues.items():
            issues.add_row(
                name, f"{found.texts:,}", f"{found.precision:.1%}", f"{found.recall:.1%}"
            )
        out.print(issues)
    if it.by_words:
        out.print(f"By a list of words, not learned: {', '.join(it.by_words)}.", soft_wrap=True)
    out.print(f"Workers use it with EBBTIDE_REVIEW_MODEL={it.file}", soft_wrap=True)


def read(path: Path, texts: Sequence[str]) -> Iterator[Told]:
    """What a model reads in texts. Raises CommandError."""
    try:
        reader = Reader(*load(path))
    except ReviewModelError as error:
        raise CommandError(str(error)) from error
    for text, it in zip(texts, reader.read(texts), strict=True):
        because = reader.mattered(text)
        chance, issues = (None, ()) if it is None else (it.negative, it.issues)
        yield Told(text, chance, issues, because)


def tell(it: Told) -> None:
    """Print it for a person."""
    out = terminal.out
    out.print(it.text, style="bold", soft_wrap=True)
    if it.negative_chance is None:
        out.print("The model knows nothing in it.\n")
        return
    about = f", of {', '.join(it.issues)}" if it.issues else ""
    out.print(f"A complaint with a chance of {it.negative_chance:.0%}{about}.")
    grams = terminal.table("n-gram", "moved by", right=("moved by",))
    for gram in it.because:
        grams.add_row(gram.gram, f"{gram.by:+.2f}")
    out.print(grams)
    out.print()

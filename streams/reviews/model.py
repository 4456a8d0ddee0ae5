"""What has been learned of reviews, and how does it lie in a file? Weights of n-grams.

The law: a file is taken whole or not at all. It begins with what it is, then the hash of what
follows; the model's version is the beginning of that hash, so a reading says by which very weights
it was made.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import isfinite
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.codec import DAMAGE
from schemas.reading import Issue
from streams.reviews import ngrams

MAGIC = b"ebbtide-reviews/1\n"
DIGEST_SIZE = 16
#: More n-grams than this are not kept, those with the least weight go: 5 bytes each.
KEYS_MAX = 400_000
BYTES_MAX = 32 * 2**20

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class ReviewModelError(Exception):
    """A file is no model of reviews, or a damaged one: which, what was found, what is allowed."""


class Scale(Struct, frozen=True, array_like=True):
    """A linear score, and the chance that it means: 1 / (1 + e^-(slope · score + offset)).

    weights: of each n-gram, in steps of ``step``. bias: the score of a text without n-grams.
    """

    weights: bytes
    step: float
    bias: float
    slope: float
    offset: float


class Card(Struct, frozen=True):
    """How it was made. texts: those that it was trained on. held_out: those it was tried on.

    accuracy, calibration_error: on these, for the chance that a text is negative.
    """

    texts: int
    held_out: int = 0
    accuracy: float = 0.0
    calibration_error: float = 0.0


class Model(Struct, frozen=True):
    """The content. keys: hashes of n-grams in order, 4 bytes each.

    ngrams: the version of what n-grams are. issues: a scale for each class of issue that there
    were labels for; the others are read by a list of words.
    """

    ngrams: int
    keys: bytes
    negative: Scale
    issues: dict[Issue, Scale]
    card: Card


def quantised(weights: Floats) -> tuple[bytes, float]:
    """Weights in 255 steps, and how large a step is. Half a step is far below what one can tell."""
    step = float(np.abs(weights).max(initial=0.0)) / 127 or 1.0
    return np.rint(weights / step).astype(np.int8).tobytes(), step


def save(path: Path, model: Model) -> str:
    """Write a model, whole or not at all; returns its version. Raises OSError."""
    body = msgspec.msgpack.encode(model)
    digest = blake2b(body, digest_size=DIGEST_SIZE).digest()
    beside = path.with_name(f"{path.name}.part")
    try:
        beside.write_bytes(MAGIC + digest + body)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return digest.hex()[:8]


def load(path: str | Path) -> tuple[Model, str]:
    """A model and its version. Raises ReviewModelError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise ReviewModelError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > BYTES_MAX:
        raise ReviewModelError(f"{path}: more than {BYTES_MAX:,} bytes, which no model has")
    return parse(content, str(path))


def parse(content: bytes, path: str) -> tuple[Model, str]:
    """A model from a file's content. Raises ReviewModelError."""
    if not content.startswith(MAGIC):
        raise ReviewModelError(
            f"{path}: not a model of reviews: it begins with {content[:18]!r}, and what"
            f" `ebbtide reviews train` writes with {MAGIC!r}"
        )
    digest, body = content[len(MAGIC) :][:DIGEST_SIZE], content[len(MAGIC) + DIGEST_SIZE :]
    made = blake2b(body, digest_size=DIGEST_SIZE).digest()
    if digest != made:
        raise ReviewModelError(
            f"{path}: damaged: its content has the hash {made.hex()[:8]}, and it says"
            f" {digest.hex()[:8]}: copy it again, or train anew"
        )
    try:
        model = msgspec.msgpack.decode(body, type=Model)
    except DAMAGE as error:
        raise ReviewModelError(f"{path}: not readable by this version: {error}") from error
    if model.ngrams != ngrams.VERSION:
        raise ReviewModelError(
            f"{path}: trained for n-grams of version {model.ngrams}, and this Ebbtide reads"
            f" {ngrams.VERSION}: train anew with `ebbtide reviews train`"
        )
    _check(model, path)
    return model, digest.hex()[:8]


def _check(model: Model, path: str) -> None:
    keys = np.frombuffer(model.keys[: len(model.keys) // 4 * 4], "<u4")
    if len(model.keys) % 4 or not bool((keys[1:] > keys[:-1]).all()):
        raise ReviewModelError(f"{path}: its n-grams are not in order: train anew")
    for name, scale in [("negative", model.negative), *model.issues.items()]:
        if len(scale.weights) != len(keys):
            found = f"{len(scale.weights):,} weights for {len(keys):,} n-grams"
            raise ReviewModelError(f"{path}: `{name}` has {found}: train anew")
        if not all(map(isfinite, (scale.step, scale.bias, scale.slope, scale.offset))):
            raise ReviewModelError(f"{path}: `{name}` has figures that are none: train anew")


class Counted(Struct, frozen=True):
    """What stands in each text, once. text, key: which n-gram in which text. count: how often."""

    text: NDArray[np.intp]
    key: ngrams.Keys
    count: NDArray[np.intp]


def counted(texts: Sequence[str]) -> Counted:
    """The n-grams of texts, each once a text."""
    found = ngrams.grams(texts)
    both = found.text.astype(np.uint64) << np.uint64(32) | found.key
    once, count = np.unique(both, return_counts=True)
    text = (once >> np.uint64(32)).astype(np.intp)
    return Counted(text, (once & np.uint64(0xFFFFFFFF)).astype(np.uint32), count)


class Known(Struct, frozen=True):
    """What of it the model knows. place: of the n-gram among the model's. value: its part in it.

    The value is 1 + log of how often it stands there, and each text has length 1 in all (Salton and
    Buckley 1988). How rare an n-gram is, is a matter of its weight.
    """

    text: NDArray[np.intp]
    place: NDArray[np.intp]
    value: Floats


def known(it: Counted, keys: ngrams.Keys) -> Known:
    """The n-grams of texts that are among the keys."""
    place = np.minimum(np.searchsorted(keys, it.key), max(0, len(keys) - 1))
    is_there = keys[place] == it.key if len(keys) else np.zeros(len(place), bool)
    text, value = it.text[is_there], 1.0 + np.log(it.count[is_there])
    lengths = np.sqrt(np.bincount(text, value**2))
    return Known(text, place[is_there], value / lengths[text] if len(text) else value)


def chance(scale: Scale, scores: Floats) -> Floats:
    """What scores mean: Platt (1999)."""
    return 1 / (1 + np.exp(-np.clip(scale.slope * scores + scale.offset, -40, 40)))

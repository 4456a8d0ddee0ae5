"""How is a model of reviews trained? A linear one, from labelled texts.

The weights are those of a support vector machine with squared hinge loss (Fan et al., "LIBLINEAR",
JMLR 2008), found by L-BFGS; chances come of scores by Platt's scaling (1999), on texts that were
left out. A fifth of the texts, by the hash of the text, is held out of all of this: on these it is
said how good the model is.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array

from schemas.reading import Issue
from streams.reviews import ngrams
from streams.reviews.model import (
    KEYS_MAX,
    Bools,
    Card,
    Floats,
    Model,
    Scale,
    counted,
    known,
    quantised,
)

#: Labels of each kind that there must be, among the texts to train on.
LABELS_MIN = 30
#: More texts are not trained on: those with the lowest hashes are taken.
TEXTS_MAX = 150_000
#: An n-gram of fewer texts is left out.
TEXTS_OF_KEY_MIN = 3
#: How much an error costs against large weights; as good as twice and half of it (four folds of the
#: Chinese reviews that are trained on).
_COST = 0.02
_FOLDS = 3
_BATCH = 256

#: Told what is done, and how many of how many steps.
Tell = Callable[[str, int, int], None]


class _Fitted(Struct, frozen=True):
    weights: Floats
    bias: float
    slope: float
    offset: float


class TrainingError(Exception):
    """There is too little to learn from; the message says what of."""


class Examples(Struct, frozen=True):
    """Texts with their labels. issues: by class, only those for which there are labels."""

    texts: Sequence[str]
    is_negative: Bools
    issues: Mapping[Issue, Bools]

    def part(self, chosen: Bools) -> "Examples":
        """Some of them."""
        places = np.flatnonzero(chosen).tolist()
        texts = [self.texts[it] for it in places]
        issues = {name: labels[chosen] for name, labels in self.issues.items()}
        return Examples(texts, self.is_negative[chosen], issues)


def is_held_out(text: str) -> bool:
    """Whether a text is held out of training: one in five is, the same one everywhere."""
    return _hash(text) % 5 == 0


def held_out(examples: Examples) -> Bools:
    """Which of them are held out."""
    return np.array([is_held_out(it) for it in examples.texts], bool)


def train(examples: Examples, tell: Tell = lambda *_: None) -> Model:
    """A model of all these examples; hold back what it is to be tried on. Raises TrainingError."""
    if len(examples.texts) > TEXTS_MAX:
        hashes = np.array([_hash(it) for it in examples.texts], np.uint64)
        examples = examples.part(hashes <= np.partition(hashes, TEXTS_MAX - 1)[TEXTS_MAX - 1])
    _enough(examples.is_negative, "negative")
    for name, labels in examples.issues.items():
        _enough(labels, name)
    matrix, keys, rare = _matrix(examples.texts, tell)
    folds = np.array([_hash(it) // 5 % _FOLDS for it in examples.texts])
    steps = (_FOLDS + 1) * (1 + len(examples.issues))
    done = 0

    def fitted(labels: Bools) -> _Fitted:
        nonlocal done
        scores = np.zeros(len(labels))
        for fold in range(_FOLDS):
            away = folds == fold
            weights, bias = _fit(matrix[~away], labels[~away])
            scores[away] = matrix[away] @ weights + bias
            tell("fitting", done := done + 1, steps)
        slope, offset = _platt(scores, labels)
        weights, bias = _fit(matrix, labels)
        tell("fitting", done := done + 1, steps)
        return _Fitted(weights, bias, slope, offset)

    negative = fitted(examples.is_negative)
    issues = {name: fitted(labels) for name, labels in examples.issues.items()}
    # What the reader multiplies with is the weight and the rarity in one.
    matters = np.max([np.abs(it.weights) for it in (negative, *issues.values())], axis=0) * rare
    kept = np.sort(np.argsort(-matters, kind="stable")[:KEYS_MAX])
    return Model(
        ngrams.VERSION, keys[kept].astype("<u4").tobytes(), _scale(negative, rare, kept),
        {name: _scale(it, rare, kept) for name, it in issues.items()}, Card(len(examples.texts)),
    )  # fmt: skip


def _scale(it: _Fitted, rare: Floats, kept: NDArray[np.intp]) -> Scale:
    small, step = quantised((it.weights * rare)[kept])
    return Scale(small, step, it.bias, it.slope, it.offset)


def tried(model: Model, chances: Floats, is_negative: Bools) -> Model:
    """The model, with how good it was on texts that it had not seen, written on its card."""
    hits = (chances >= 0.5) == is_negative
    error = calibration_error(chances, is_negative)
    card = replace(
        model.card, held_out=len(hits), accuracy=round(float(hits.mean()), 4),
        calibration_error=round(error, 4),
    )  # fmt: skip
    return replace(model, card=card)


class Bin(Struct, frozen=True):
    """Texts of which about the same was said. said: the mean chance. came: how many were it."""

    said: float
    came: float
    texts: int


def reliability(chances: Floats, is_negative: Bools, bins: int = 10) -> list[Bin]:
    """What was said and what came, by bins that are equally filled."""
    parts = np.array_split(np.argsort(chances, kind="stable"), bins)
    return [
        Bin(round(float(chances[it].mean()), 4), round(float(is_negative[it].mean()), 4), len(it))
        for it in parts
        if len(it)
    ]


def calibration_error(chances: Floats, is_negative: Bools) -> float:
    """The expected calibration error over ten bins (Naeini et al., AAAI 2015)."""
    bins = reliability(chances, is_negative)
    return sum(abs(it.said - it.came) * it.texts for it in bins) / max(1, len(chances))


def _hash(text: str) -> int:
    written = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(written, digest_size=8).digest(), "big")


def _enough(labels: Bools, name: str) -> None:
    yes, no = int(labels.sum()), int((~labels).sum())
    if min(yes, no) < LABELS_MIN:
        raise TrainingError(
            f"too few texts to train on: {yes} are labelled {name} and {no} are not;"
            f" {LABELS_MIN} of each are needed at least, beside the fifth that is held out"
        )


def _matrix(texts: Sequence[str], tell: Tell) -> tuple[csr_array, ngrams.Keys, Floats]:
    """Texts by n-grams, the n-grams' hashes in order, and how rare each is."""
    parts = []
    for at in range(0, len(texts), _BATCH):
        parts.append(counted(texts[at : at + _BATCH]))
        tell("reading", min(at + _BATCH, len(texts)), len(texts))
    keys, of_texts = np.unique(np.concatenate([it.key for it in parts]), return_counts=True)
    keys, of_texts = keys[it := of_texts >= TEXTS_OF_KEY_MIN], of_texts[it]
    if not len(keys):
        raise TrainingError(
            f"no n-gram stands in {TEXTS_OF_KEY_MIN} texts: are these the texts of customers?"
        )
    rare = np.log((1 + len(texts)) / (1 + of_texts)) + 1
    its = [known(part, keys) for part in parts]
    # Half as wide as they come: what is multiplied again and again is read from memory each time.
    row = np.concatenate([it.text + nth * _BATCH for nth, it in enumerate(its)]).astype(np.int32)
    place = np.concatenate([it.place for it in its]).astype(np.int32)
    value = np.concatenate([it.value for it in its]) * rare[place]
    return csr_array((value, (row, place)), shape=(len(texts), len(keys))), keys, rare


def _fit(matrix: csr_array, labels: Bools) -> tuple[Floats, float]:
    """Weights and bias with the least of |w|² / 2 + cost · Σ max(0, 1 - y (w x + b))²."""
    sign = np.where(labels, 1.0, -1.0)
    told = _telling(matrix, labels)
    scaled = matrix.copy()
    scaled.data *= told[scaled.indices]
    across = scaled.T.tocsr()
    size = matrix.shape[1]

    def loss(both: Floats) -> tuple[float, Floats]:
        weights, bias = both[:size], both[size]
        short = np.maximum(0.0, 1 - sign * (scaled @ weights + bias))
        pull = -2 * _COST * sign * short
        slope = np.r_[weights + across @ pull, pull.sum()]
        return float(weights @ weights / 2 + _COST * (short @ short)), slope

    found = minimize(
        loss, np.zeros(size + 1), jac=True, method="L-BFGS-B",
        options={"maxiter": 200, "ftol": 1e-6},
    )  # fmt: skip
    return found.x[:size] * told, float(found.x[size])


def _telling(matrix: csr_array, labels: Bools) -> Floats:
    """How much each n-gram tells by itself: the root of its log-count ratio.

    Wang and Manning (2012) take the ratio itself, which makes less of those that only tell together
    with others: on folds of the Chinese reviews none of it gives .9283, all .9302, the root .9316.
    """
    texts = np.repeat(labels, np.diff(matrix.indptr))
    yes = 1.0 + np.bincount(matrix.indices[texts], minlength=matrix.shape[1])
    no = 1.0 + np.bincount(matrix.indices[~texts], minlength=matrix.shape[1])
    ratio: Floats = np.log(yes / yes.sum()) - np.log(no / no.sum())
    return np.sqrt(np.abs(ratio))


def _platt(scores: Floats, labels: Bools) -> tuple[float, float]:
    """Slope and offset of chances, with Platt's targets, which are a little short of 0 and 1."""
    yes, no = float(labels.sum()), float((~labels).sum())
    target = np.where(labels, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(both: Floats) -> tuple[float, Floats]:
        at = both[0] * scores + both[1]
        off = 1 / (1 + np.exp(-np.clip(at, -40, 40))) - target
        return float((np.logaddexp(0, at) - target * at).sum()), np.array([off @ scores, off.sum()])

    found = minimize(loss, np.array([2.0, 0.0]), jac=True, method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])

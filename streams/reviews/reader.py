"""What does a text say? Read by the model that an operator has trained, many texts at once.

The law: a text is read the same in whatever batch it comes, and any text can be read. Of one in
which the model knows nothing, nothing is said.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from config.settings import ConfigError
from schemas.reading import Issue, Reading
from streams.reviews import lexicon, ngrams
from streams.reviews.model import (
    Bools,
    Floats,
    Model,
    ReviewModelError,
    Scale,
    chance,
    counted,
    known,
    load,
)

#: Texts that are hashed side by side. More take longer each, for they leave the processor's caches.
BATCH = 128
#: Below this chance nothing is complained of, whatever a text is about.
SUSPECTED = 0.25
#: From here on a clause complains, and an issue that was labelled is there.
LIKELY = 0.5


class Mattered(Struct, frozen=True):
    """An n-gram that mattered. by: how much it moved the score; above 0 towards a complaint."""

    gram: str
    by: float


class Reader:
    """Reads texts. version: of the model."""

    def __init__(self, model: Model, version: str) -> None:
        self.model, self.version = model, version
        self._keys = np.frombuffer(model.keys, "<u4")
        self._negative = _weights(model.negative)
        self._issues = {name: _weights(scale) for name, scale in model.issues.items()}

    def read(self, texts: Sequence[str]) -> list[Reading | None]:
        """What each text says; None where the model knows nothing in it."""
        return [
            it for at in range(0, len(texts), BATCH) for it in self._few(texts[at : at + BATCH])
        ]

    def chances(self, texts: Sequence[str]) -> Floats:
        """The chance of each that it is negative; of one without known n-grams, as that of none."""
        parts = [self._scores(texts[at : at + BATCH])[0] for at in range(0, len(texts), BATCH)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def mattered(self, text: str, most: int = 10) -> list[Mattered]:
        """Which n-grams moved the score most, up or down."""
        found = ngrams.grams([text])
        its = known(counted([text]), self._keys)
        by_key = dict(
            zip(
                self._keys[its.place].tolist(),
                (self._negative[its.place] * its.value).tolist(),
                strict=True,
            )
        )
        told: dict[int, str] = {}
        for key, begin, length in zip(found.key, found.begin, found.length, strict=True):
            if int(key) in by_key:
                codes = found.codes[begin : begin + length].tolist()
                told.setdefault(int(key), "".join(map(chr, codes)))
        slope = self.model.negative.slope
        grams: dict[str, float] = {}
        for key, gram in told.items():
            shown = gram.replace("\x02", "^").replace("\x03", "$")
            grams[shown] = grams.get(shown, 0.0) + slope * by_key[key]
        first = sorted(grams.items(), key=lambda it: (-abs(it[1]), it[0]))[:most]
        return [Mattered(gram, round(by, 3)) for gram, by in first]

    def _few(self, texts: Sequence[str]) -> list[Reading | None]:
        chances, is_known, labelled = self._scores(texts)
        suspects = [it for it, of in enumerate(chances.tolist()) if of >= SUSPECTED]
        found = self._mentioned([ngrams.prepared(texts[it]) for it in suspects])
        issues = dict(zip(suspects, found, strict=True))
        readings: list[Reading | None] = []
        for number, negative in enumerate(chances.tolist()):
            if not is_known[number]:
                readings.append(None)
                continue
            its = issues.get(number, {}) | {
                name: float(of[number]) for name, of in labelled.items() if of[number] >= LIKELY
            }
            named = tuple(sorted(its, key=lambda it: (-its[it], it)))
            readings.append(Reading(round(negative, 2), named, self.version))
        return readings

    def _scores(self, texts: Sequence[str]) -> tuple[Floats, Bools, dict[Issue, Floats]]:
        """The chances that texts are negative, what is known at all, and chances of issues."""
        its = known(counted(texts), self._keys)
        size = len(texts)

        def summed(weights: Floats, scale: Scale) -> Floats:
            moved = np.bincount(its.text, weights[its.place] * its.value, size)
            return chance(scale, moved.astype(np.float64) + scale.bias)

        labelled = {
            name: summed(weights, self.model.issues[name]) for name, weights in self._issues.items()
        }
        is_known: Bools = np.bincount(its.text, minlength=size) > 0
        return summed(self._negative, self.model.negative), is_known, labelled

    def _mentioned(self, texts: Sequence[str]) -> list[dict[Issue, float]]:
        """Issues by the list of words: those named in a clause that complains, read by itself.

        texts: as they are prepared.
        """
        found: list[dict[Issue, float]] = [{} for _ in texts]
        named = [
            (number, issue, clause)
            for number, text in enumerate(texts)
            for issue, clause in lexicon.mentions(text)
            if issue not in self._issues
        ]
        if not named:
            return found
        clauses = list(dict.fromkeys(clause for _, _, clause in named))
        scores, is_known, _ = self._scores(clauses)
        chances = dict(zip(clauses, np.where(is_known, scores, 0.0).tolist(), strict=True))
        for number, issue, clause in named:
            if chances[clause] >= LIKELY:
                found[number][issue] = max(chances[clause], found[number].get(issue, 0.0))
        return found


def reader_of(path: str) -> Reader:
    """By the model in a file. Raises ConfigError."""
    try:
        return Reader(*load(path))
    except ReviewModelError as error:
        raise ConfigError(
            f"EBBTIDE_REVIEW_MODEL: {error}. Allowed is a file of `ebbtide reviews train`; unset"
            " the variable to read no texts"
        ) from error


def _weights(scale: Scale) -> Floats:
    return np.frombuffer(scale.weights, np.int8).astype(np.float64) * scale.step

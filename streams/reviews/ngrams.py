"""Of what does a text consist, for a model? Of the n-grams of its characters, and of its words.

The law: what comes out depends on the text alone, and on no text beside it in the batch, on no
machine and on no salt. Chinese needs no words for it: character 1- to 3-grams do nearly as well
there. Of alphabets whole words and pairs of them are taken too.

All texts of a batch are one array of code points, and their n-grams are hashed side by side, which
takes some 30 µs a review of 70 characters.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

#: So much of a text is read: what it begins with, and how it ends. On Chinese reviews a model is as
#: good with 200 characters of each as with all of them, and with 100 it is half a per cent worse.
HEAD, TAIL = 300, 100
TEXT_MAX = HEAD + TAIL
#: How far pairs of characters may stand apart to be seen together, and what counts as an end.
APART_MAX, EDGE = 3, 12
#: Which version of all this a model was trained for.
VERSION = 1

_BEGIN, _END = "\x02", "\x03"
_BLANK = re.compile(r"[\s\x00-\x1f\x7f\u200b\ufeff]+")
_REPEATED = re.compile(r"(.)\1{2,}")
# Where a clause ends, which is where people change their mind.
_STOPS = [ord(it) for it in "\x02\x03,.!?;:~…、。·()"]
# Below this code point lie the alphabets (and digits); above it scripts without spaces. What is
# Korean or Thai is read by characters too.
_ALPHABETS_END = 0x2E80

_FACTOR, _SALT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_WORD, _PAIR = np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB)
_FIRST, _LAST = np.uint64(0x8EBC6AF09C88C6E3), np.uint64(0x589965CC75374CC3)
_SHIFT = np.uint64(32)
_LETTERS = np.array([chr(it).isalnum() for it in range(_ALPHABETS_END)])
# Powers of an odd number modulo 2 ** 64, for places in a word; one that is longer begins anew.
_POWERS = np.cumprod(np.full(256, 0x5851F42D4C957F2D, np.uint64))
_IS_STOP = np.isin(np.arange(0x10000), _STOPS)

Keys = NDArray[np.uint32]


class Grams(Struct, frozen=True):
    """The n-grams of a batch, text by text. key: 32 bits of hash. text: in which text it stands.

    begin, length: where in ``codes``, which holds all texts, one after another.
    """

    codes: NDArray[np.uint32]
    key: Keys
    text: NDArray[np.intp]
    begin: NDArray[np.intp]
    length: NDArray[np.intp]


def prepared(text: str) -> str:
    """A text as it is read: bounded, without differences that mean nothing.

    >>> prepared("  Great!!!!!!   SO good  ")
    'great!! so good'
    """
    if len(text) > TEXT_MAX:
        text = f"{text[:HEAD]} {text[-TAIL:]}"
    text = unicodedata.normalize("NFKC", text).lower()
    text = _REPEATED.sub(r"\1\1", _BLANK.sub(" ", text).strip())
    # One sign may become eighteen (U+FDFA), and what is cut before may be longer after.
    return text[: 2 * TEXT_MAX]


def grams(texts: Sequence[str]) -> Grams:
    """All n-grams of some texts, as they are prepared here."""
    joined = "".join(f"{_BEGIN}{prepared(it)}{_END}" for it in texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    number = np.cumsum(codes == ord(_BEGIN)) - 1
    wide = codes.astype(np.uint64)
    found: list[_Found] = []
    state, twos = np.full(len(codes), _SALT), np.zeros(0, np.uint64)
    for length in (1, 2, 3):
        state = (state[: len(codes) - length + 1] ^ wide[length - 1 :]) * _FACTOR
        state ^= state >> _SHIFT
        inside = number[: len(state)] == number[length - 1 :]
        if length == 1:
            inside = (codes != ord(_BEGIN)) & (codes != ord(_END))
        begins = np.flatnonzero(inside)
        found.append((state[begins], begins, np.full(len(begins), length)))
        twos = state if length == 2 else twos
    found += _apart(codes, twos)
    found += _at_the_ends(codes, number, *found[1])
    found += _words(codes, wide, number)
    key, begin, lengths = (np.concatenate(it) for it in zip(*found, strict=True))
    key = ((key * _SALT) >> _SHIFT).astype(np.uint32)
    return Grams(codes, key, number[begin], begin, lengths)


_Found = tuple[NDArray[np.uint64], NDArray[np.intp], NDArray[np.intp]]


def _apart(codes: NDArray[np.uint32], twos: NDArray[np.uint64]) -> list[_Found]:
    """Pairs of characters with a pair that follows within a clause: "not … good"."""
    clause = np.cumsum(_is_stop(codes))[: len(twos)]
    is_wide = codes[: len(twos)] >= _ALPHABETS_END
    found = []
    for apart in range(2, APART_MAX + 1):
        same = (clause[:-apart] == clause[apart:]) & is_wide[:-apart] & is_wide[apart:]
        begins = np.flatnonzero(same)
        key = (twos[begins] * _PAIR) ^ twos[begins + apart]
        key = (key ^ (key >> _SHIFT)) * _FACTOR
        found.append((key, begins, np.full(len(begins), apart + 2)))
    return found


def _at_the_ends(
    codes: NDArray[np.uint32], number: NDArray[np.intp], twos: NDArray[np.uint64],
    begins: NDArray[np.intp], lengths: NDArray[np.intp],
) -> list[_Found]:  # fmt: skip
    """The first and the last pairs of characters once more: how a review ends counts for more."""
    firsts = np.flatnonzero(codes == ord(_BEGIN))
    lasts = np.flatnonzero(codes == ord(_END))
    text = number[begins]
    is_first = begins - firsts[text] <= EDGE
    is_last = lasts[text] - begins <= EDGE
    return [
        (twos[is_first] ^ _FIRST, begins[is_first], lengths[is_first]),
        (twos[is_last] ^ _LAST, begins[is_last], lengths[is_last]),
    ]


def _words(
    codes: NDArray[np.uint32], wide: NDArray[np.uint64], number: NDArray[np.intp]
) -> list[_Found]:
    """The words of alphabets, and pairs of them that follow each other in a text."""
    low = codes < _ALPHABETS_END
    is_letter = np.zeros(len(codes) + 2, bool)
    is_letter[1:-1] = low & _LETTERS[np.where(low, codes, 0)]
    edges = np.flatnonzero(is_letter[1:] != is_letter[:-1])
    begins, ends = edges[::2], edges[1::2]
    if not len(begins):
        return []
    # A polynomial in the place within the word: a word has the same hash wherever it stands.
    word = np.cumsum(is_letter[1:-1] & ~is_letter[:-2]) - 1
    place = (np.arange(len(codes)) - begins[word]) % len(_POWERS)
    summed = np.add.reduceat(wide * _POWERS[place], np.c_[begins, ends].ravel())[::2]
    hashed = (summed ^ _WORD) * _FACTOR
    hashed ^= hashed >> _SHIFT
    follows = np.flatnonzero(number[begins[1:]] == number[begins[:-1]])
    pairs = (hashed[follows] * _PAIR) ^ hashed[follows + 1]
    pairs = (pairs ^ (pairs >> _SHIFT)) * _FACTOR
    return [
        (hashed, begins, ends - begins),
        (pairs, begins[follows], ends[follows + 1] - begins[follows]),
    ]


def _is_stop(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    # What lies above the basic plane is no stop.
    return _IS_STOP[np.minimum(codes, 0xFFFF)]

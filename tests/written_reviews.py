"""What would customers write? Invented reviews in two languages, and a model that has read them."""

from functools import cache
from itertools import product
from typing import get_args

import numpy as np

from schemas.reading import Issue
from streams.reviews import ngrams
from streams.reviews.model import Card, Model, Scale
from streams.reviews.reader import Reader
from streams.reviews.training import Examples, train

_GOOD = (
    "很好用",
    "质量不错",
    "非常满意",
    "喜欢",
    "works great",
    "very happy with it",
    "love the color",
)
_BAD: dict[str, str] = {
    "坏了": "quality", "发货太慢": "delivery", "客服不理人": "service", "太贵": "price",
    "broke after a week": "quality", "arrived two weeks late": "delivery",
    "support never answered": "service", "far too expensive": "price",
}  # fmt: skip
_ABOUT = ("手机", "鞋子", "水壶", "the phone", "these shoes", "my kettle", "it")
_ENDS = ("", "!", " 。", " again", " 了", " really")


@cache
def examples() -> Examples:
    """Some hundred texts, each of which is plainly good or bad."""
    texts, negative, issues = list[str](), list[bool](), list[str]()
    for about, said, end in product(_ABOUT, (*_GOOD, *_BAD), _ENDS):
        texts.append(f"{about} {said}{end}")
        negative.append(said in _BAD)
        issues.append(_BAD.get(said, ""))
    return Examples(
        texts,
        np.array(negative),
        {it: np.array([it == of for of in issues]) for it in get_args(Issue)},
    )


@cache
def model(*, with_issues: bool = False) -> Model:
    """A model of them; the list of words reads issues, unless it is to learn them."""
    its = examples()
    learned = {it: of for it, of in its.issues.items() if of.any()} if with_issues else {}
    return train(Examples(its.texts, its.is_negative, learned))


def small() -> Model:
    """One that knows three n-grams, with a scale for an issue."""
    scale = Scale(bytes((1, 255, 3)), 0.1, 0.0, 1.0, 0.0)
    keys = np.array([3, 70, 9_000_000], "<u4").tobytes()
    return Model(ngrams.VERSION, keys, scale, {"price": scale}, Card(3))


@cache
def reader() -> Reader:
    """Reads by that model."""
    return Reader(model(), "0a1b2c3d")

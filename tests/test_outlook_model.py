"""The outlook's model: one that does not fit together is read by nobody, and takes no effect."""

from typing import Any

import msgspec
import pytest

from agents.lifetime.model import Shoppers, first_guess
from schemas.codec import encode_json
from state.model import Kept, Models, model_key

GRID = [[0.01, 0.02], [0.5, 0.5], [0.003], [1.0], 0.9]
UNFIT: dict[str, dict[str, Any]] = {
    "nothing is in its lists": {"buyers": [[], [], [], []]},
    "no hazards": {"buyers": [[0.01], [1.0], [], []]},
    "a rate has no weight": {"buyers": [[0.01, 0.02], [1.0], [0.003], [1.0]]},
    "a hazard has no weight": {"buyers": [[0.01], [1.0], [0.003, 0.1], [1.0]]},
    "a rate is nought": {"buyers": [[0.0], [1.0], [0.003], [1.0]]},
    "a rate is below nought": {"buyers": [[-0.1], [1.0], [0.003], [1.0]]},
    "a weight is nought": {"buyers": [[0.01], [0.0], [0.003], [1.0]]},
    "a hazard is below nought": {"buyers": [[0.01], [1.0], [-0.003], [1.0]]},
    "a clock stands still": {"buyers": [[0.01], [1.0], [0.003], [1.0], 0.0]},
    "a spending without shape": {"buyers": GRID, "spending": [0.0, 4.0, 10.0]},
    "a spending without a mean": {"buyers": GRID, "spending": [6.0, 1.0, 10.0]},
    "a scale below nought": {"buyers": GRID, "spending": [6.0, 4.0, -10.0]},
    "a spread below nought": {"buyers": GRID, "size_spread": -1.0},
    "a pull beyond all floats": {"buyers": GRID, "size_spread": 1.0, "size_pull": 1e6},
    "one value": {"buyers": GRID, "values": [5.0]},
    "three values": {"buyers": GRID, "values": [5.0, 6.0, 7.0]},
    "values that fall": {"buyers": GRID, "values": [6.0, 5.0]},
}  # fmt: skip


def taken(body: bytes) -> str:
    models = Models({model_key("outlook"): None})
    return models.take("outlook", Kept("v", 1, body), Shoppers)


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT)
def test_a_model_that_does_not_fit_together_is_unreadable(unfit: dict[str, Any]) -> None:
    assert taken(msgspec.json.encode(unfit)) == "unreadable"


def test_a_model_that_fits_takes_effect() -> None:
    assert taken(msgspec.json.encode({"buyers": GRID})) == "in_effect"
    assert taken(encode_json(first_guess(30))) == "in_effect"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_makes_no_model(number: float) -> None:
    buyers = first_guess(30).buyers
    with pytest.raises(ValueError, match="not finite"):
        Shoppers(buyers, size_log=number)
    broken = msgspec.structs.replace(buyers, rates=[number, *buyers.rates[1:]])
    with pytest.raises(ValueError, match="each rate is above nought"):
        Shoppers(broken)

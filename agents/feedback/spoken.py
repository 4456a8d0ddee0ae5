"""What of a text that was read belongs on record? It stands beside the rating, which decides."""

from schemas.decisions import Scalar
from schemas.reading import Reading


def read_in(reading: Reading | None) -> dict[str, Scalar | list[Scalar]]:
    """Values for the evidence; none where the text was not read.

    >>> read_in(Reading(0.93, ("delivery",), "3f9a2c11"))
    {'negative_chance': 0.93, 'issues': ['delivery'], 'model': '3f9a2c11'}
    """
    if reading is None:
        return {}
    issues: list[Scalar] = [*reading.issues]
    return {"negative_chance": reading.negative, "issues": issues, "model": reading.model}

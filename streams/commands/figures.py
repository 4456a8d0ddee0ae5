"""How is a figure told? With its unit, which the end of its name says, and in words.

Names go by the rule that units come last: ``quiet_days``, ``total_cents``, ``redeemed_at``; a limit
has ``_min`` or ``_max`` after that.
"""

from collections.abc import Mapping
from typing import Any

from schemas.decisions import Evidence
from schemas.instant import to_text
from streams.amounts import money

_STRETCHES = ("days", "hours", "minutes", "seconds")
_SHARES = ("chance", "share")
_BOUNDS = {"min": "at least ", "max": "at most "}

#: What a decision or its evidence says of something, by name.
Figures = Mapping[str, Any]


def words(name: str) -> str:
    """A name as words.

    >>> words("quiet_for_unusually_long")
    'quiet for unusually long'
    """
    return name.replace("_", " ")


def moment(at: int | str) -> str:
    """A moment, to the second.

    >>> moment(1768896000000), moment("2026-01-20T08:00:00.000Z")
    ('2026-01-20 08:00:00 UTC', '2026-01-20 08:00:00 UTC')
    """
    text = at if isinstance(at, str) else to_text(at)
    is_ours = len(text) >= 20 and text[10] == "T" and text.endswith("Z")
    return f"{text[:10]} {text[11:19]} UTC" if is_ours else text


def distance(seconds: float) -> str:
    """A stretch of time in the unit that people would use.

    >>> distance(90), distance(7200), distance(200_000)
    ('90 s', '2 h', '2.3 d')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86_400:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.1f} d"


def listed(parts: list[str]) -> str:
    """Several of them, as in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(it for it in (", ".join(parts[:-1]), *parts[-1:]) if it)


def figure(name: str, value: Any, currency: str = "") -> str:
    """A value with the unit that its name says.

    >>> figure("quiet_days", 44.2), figure("pause_hours", 1), figure("gap_days", [7.0, 8.5])
    ('44.2 days', '1 hour', '7 and 8.5 days')
    >>> figure("hours_since", 3.0), figure("hours_since", 0.02)
    ('3 h', 'less than 2 min')
    >>> figure("value_cents_min", 200, "EUR"), figure("chance", 0.02), figure("redeemed_at", 0)
    ('2.00 EUR', '2 %', '1970-01-01 00:00:00 UTC')
    """
    unit, values = _unit(name), value if isinstance(value, list) else [value]
    if name == "hours_since" and isinstance(value, int | float):
        return _age(value * 3600)
    told = [_one(unit, it, currency) for it in values]
    if unit in _STRETCHES and told:
        told[-1] += f" {unit.removesuffix('s') if values == [1] else unit}"
    return listed(told) or "none"


def seen(evidence: Evidence, currency: str) -> list[str]:
    """What was seen and held against something, and then what else was set.

    >>> seen(Evidence(values={"chance": 0.0197}, thresholds={"chance": 0.02, "after_days": 7}), "")
    ['Seen: chance 1.97 % (held against 2 %).', 'Set: after 7 days.']
    """
    limits = dict(evidence.thresholds)
    told: list[str] = []
    for name, value in evidence.values.items():
        against = [
            _bound(limit) + figure(limit, limits.pop(limit), currency)
            for limit in (name, f"{name}_min", f"{name}_max")
            if limit in limits
        ]
        held = f" (held against {listed(against)})" if against else ""
        told.append(f"{label(name)} {figure(name, value, currency)}{held}")
    rest = [
        f"{label(name)} {_bound(name)}{figure(name, value, currency)}"
        for name, value in limits.items()
    ]
    lines = {"Seen": told, "Set": rest}
    return [f"{name}: {'; '.join(parts)}." for name, parts in lines.items() if parts]


def _age(seconds: float) -> str:
    """As a distance, but hours with two digits after the point know no seconds."""
    return distance(seconds) if seconds >= 120 else "less than 2 min"


def _one(unit: str, value: Any, currency: str) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case int() | str() if unit == "at":
            return moment(value)
        case int() | float():
            return _number(unit, value, currency)
    return str(value)


def _number(unit: str, value: float, currency: str) -> str:
    if unit == "cents":
        return money(round(value), currency)
    if unit in _SHARES:
        return f"{value * 100:.3g} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.10g}"


def _unit(name: str) -> str:
    parts = [it for it in name.split("_") if it not in _BOUNDS]
    if name == "until" or parts[-1:] == ["at"]:
        return "at"
    return next((it for it in parts if it in ("cents", *_STRETCHES, *_SHARES)), "")


def label(name: str) -> str:
    """What a figure is of; its unit stands behind the number.

    >>> label("quiet_days"), label("usual_gap_days"), label("value_cents_min")
    ('quiet', 'usual gap', 'value')
    """
    unit = _unit(name)
    silent = (*_BOUNDS, "at", "cents", *_STRETCHES)
    kept = [it for it in name.split("_") if it not in silent or (it == "at" and unit != "at")]
    return " ".join(kept) or words(name)


def _bound(name: str) -> str:
    return _BOUNDS.get(name.rpartition("_")[2], "")

"""What is wrong with a table of settings? The full key, what was found there, and what is allowed.

The decoder knows the place and the type alone; the table has what was found, and the type at that
place the words that are allowed, or the settings that the innermost table has.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

T = TypeVar("T")

_PLACE = re.compile(r"(?P<what>.*?)(?: - at (?P<of_key>`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def settings_of(table: Mapping[str, Any], kind: type[T], key: str) -> T:
    """The table as a struct. key: under which the table stands in its file.

    Raises ValueError with the full key, what was found and what is allowed.

    >>> class Cap(msgspec.Struct, forbid_unknown_fields=True):
    ...     most: int = 3
    >>> settings_of({"most": "two"}, Cap, "caps[0]")
    Traceback (most recent call last):
    ValueError: caps[0].most: Expected `int`, got `str`, found 'two'
    >>> settings_of({"least": 2}, Cap, "caps[0]")
    Traceback (most recent call last):
    ValueError: caps[0]: Object contains unknown field `least`; its settings are most
    """
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise ValueError(_told(str(error), table, kind, key)) from error


def _told(error: str, table: Mapping[str, Any], kind: type, key: str) -> str:
    place = _PLACE.fullmatch(error)
    what, path = (place["what"], place["path"] or "") if place else (error, "")
    found: Any = table
    types = _unwrapped(inspect.type_info(kind))
    where = key
    # What stands under any key of a table (`[...]`) has no name here: the table is shown.
    for step in _STEP.finditer(path.partition("[...]")[0]):
        name = step[1] or int(step[2])
        found, where = found[name], where + step[0]
        types = [it for owner in types for it in _inside(owner, name)]
    if place and place["of_key"]:
        found = ", ".join(found)
    fields = [field.encode_name for it in types for field in getattr(it, "fields", ())]
    choices = [
        str(word) for it in types if isinstance(it, inspect.LiteralType) for word in it.values
    ]
    allowed = f"; allowed is {', '.join(choices)}" if choices else ""
    if what.startswith("Object "):
        return f"{where}: {what}; its settings are {', '.join(fields)}"
    if what.startswith("Invalid enum value"):
        return f"{where}: found {found!r}{allowed}"
    if what.startswith("Expected "):
        return f"{where}: {what}, found {found!r}{allowed}"
    return f"{where}: {what}"


def _inside(owner: inspect.Type, name: str | int) -> list[inspect.Type]:
    """The types of what stands in it, under a name or at a place."""
    match owner:
        case inspect.StructType():
            return [
                it for field in owner.fields if field.encode_name == name
                for it in _unwrapped(field.type)
            ]  # fmt: skip
        case inspect.VarTupleType() | inspect.ListType():
            return _unwrapped(owner.item_type)
    return []


def _unwrapped(it: inspect.Type) -> list[inspect.Type]:
    """The types that it may be, without what is only said about them."""
    match it:
        case inspect.Metadata():
            return _unwrapped(it.type)
        case inspect.UnionType():
            return [one for part in it.types for one in _unwrapped(part)]
    return [it]

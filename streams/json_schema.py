"""What does a struct promise, as JSON Schema? Its fields and bounds, in its docstring's words.

The law: nothing is described here by hand. msgspec derives the shape; what a docstring says of the
struct becomes its description, and what it says as ``field: …`` becomes the field's.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import msgspec
from msgspec import Struct

from schemas.event import ANONYMOUS, Event
from schemas.instant import EARLIEST, LATEST

Schema = dict[str, Any]

# What msgspec cannot know, because Event's own code checks it: somebody must be named, and not by
# the prefix that visitors get.
_SOMEBODY: list[Schema] = [
    {"required": [name], "properties": {name: {"type": "string"}}}
    for name in ("customer_id", "anonymous_id")
]
_RESERVED: Schema = {"type": "string", "pattern": f"^{ANONYMOUS}"}
# Many validators pass over `format`, and a missing zone is what publishers most often get wrong.
_WITH_A_ZONE = "([Zz]|[+-][0-9]{2}:?[0-9]{2})$"

_FIELD_MARK = re.compile(r"(?:\A|\n\s*|(?<=[.;]) )((?:\w+, )*\w+): ")


def components(kinds: Iterable[type[Struct]], ref_template: str) -> dict[str, Schema]:
    """The schemas of these structs and of all that they hold, by name, in order of name."""
    kinds = list(dict.fromkeys(kinds))
    _, found = msgspec.json.schema_components(kinds, ref_template=ref_template)
    structs = {it.__name__: it for kind in kinds for it in _structs_in(kind)}
    for name, schema in found.items():
        _describe(schema, structs[name])
        if issubclass(structs[name], Event):
            _name_somebody(schema)
    _bound_moments(found)
    return dict(sorted(found.items()))


def told(kind: type[Struct]) -> tuple[str, dict[str, str]]:
    """What a docstring says of the struct, and of each field that it names as ``field: …``.

    >>> from schemas.orders import OrderShipped
    >>> told(OrderShipped)
    ('An order left the warehouse.', {'promised_at': 'When it should arrive.'})
    """
    text = inspect.cleandoc(kind.__doc__ or "")
    marks = [
        mark for mark in _FIELD_MARK.finditer(text)
        if set(mark[1].split(", ")) <= set(kind.__struct_fields__)
    ]  # fmt: skip
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    fields = {
        name: sentences(text[mark.end() : end])
        for mark, end in zip(marks, ends, strict=False)
        for name in mark[1].split(", ")
    }
    return sentences(text[: marks[0].start()] if marks else text) or sentences(text), fields


def sentences(text: str) -> str:
    """A docstring's text, or a part of it, as paragraphs of whole sentences.

    >>> sentences("until ``expires_at``;")
    'Until `expires_at`.'
    """
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text).replace("``", "`"))
    joined = "\n\n".join(" ".join(it.split()) for it in paragraphs).strip(" ;\n")
    whole = joined if not joined or joined[-1] in ".?!" else f"{joined}."
    return whole[:1].upper() + whole[1:]


def _structs_in(kind: Any) -> Iterator[type[Struct]]:
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield kind
        for field in msgspec.structs.fields(kind):
            yield from _structs_in(field.type)
    else:
        for part in get_args(kind):
            yield from _structs_in(part)


def _describe(schema: Schema, kind: type[Struct]) -> None:
    schema["description"], _ = told(kind)
    properties = schema["properties"]
    written = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    order = [name for name in properties if name not in written.values()]  # The tag.
    fields: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        if issubclass(ancestor, Struct) and ancestor is not Struct:
            order += [written[name] for name in ancestor.__struct_fields__]
            fields |= told(ancestor)[1]
    for name, text in fields.items():
        of_the_type = properties[written[name]].get("description", "")
        properties[written[name]]["description"] = f"{text} {of_the_type}".strip()
    # What many have in common comes first, such as the envelope of an event.
    schema["properties"] = {name: properties[name] for name in dict.fromkeys(order)}


def _name_somebody(schema: Schema) -> None:
    schema["properties"]["customer_id"]["not"] = _RESERVED
    schema["anyOf"] = _SOMEBODY


def _bound_moments(node: Any) -> None:
    """Refuse epoch seconds, and texts without a zone, where a moment is wanted: the codec does."""
    if isinstance(node, list):
        for it in node:
            _bound_moments(it)
    elif isinstance(node, dict):
        forms = {it.get("format") or it.get("type"): it for it in node.get("anyOf", ())}
        if {"integer", "date-time"} <= forms.keys():
            forms["integer"] |= {"minimum": EARLIEST, "exclusiveMaximum": LATEST}
            forms["date-time"]["pattern"] = _WITH_A_ZONE
        for it in node.values():
            _bound_moments(it)

"""Which events are there to test with? Any that the schemas allow, drawn from a seed.

What a field may hold is read from its type, so a new event, or a new field, is tested from the day
on which it is written.
"""

from functools import cache
from random import Random
from string import ascii_uppercase
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import inspect

from schemas.codec import RAW_UNIONS
from schemas.event import CENTS_MAX, Event
from schemas.instant import DAY, to_text
from schemas.journal import Tick
from schemas.orders import OrderPlaced
from schemas.shop_events import ShopEvent

TOPIC_OF: dict[type[Event | ShopEvent], str] = {
    kind: topic
    for topic, union in RAW_UNIONS.items()
    for kind in get_args(union)
    if kind is not Tick
}
#: What happens to a customer, and what happens in the shop as a whole.
EVENT_TYPES = tuple(it for it in TOPIC_OF if issubclass(it, Event))
SHOP_EVENT_TYPES = tuple(it for it in TOPIC_OF if issubclass(it, ShopEvent))

START = 1_768_896_000_000  # 2026-01-20 08:00 UTC

E = TypeVar("E", bound=Event | ShopEvent)

TIME_ZONES = ("Asia/Kolkata", "Europe/Berlin", "UTC")
LOCALES = ("de", "en-GB", "zh-Hant-TW")


class AnyEvent:
    """Draws events about the customer ann that fit together: few other ids, so that they meet again.

    names: how many different ids there are. name_length: how long each is. letter: what they are
    filled up with. span: the stretch of time after ``START`` in which everything happens.
    """

    def __init__(
        self,
        rng: Random,
        *,
        names: int = 8,
        name_length: int = 4,
        letter: str = "x",
        span: int = 400 * DAY,
    ) -> None:
        self._rng = rng
        self._names = names
        self._name_length = name_length
        self._letter = letter
        self._span = span

    def draw(self) -> Event:
        """Any event, as it is decoded."""
        return self.of(self._rng.choice(EVENT_TYPES))

    def of(self, kind: type[E]) -> E:
        """An event of this type, as it is decoded."""
        return msgspec.convert(self.published(kind), kind)

    def published(self, kind: type[E]) -> dict[str, Any]:
        """An event of this type, as a storefront would write it."""
        fields = self._struct(_struct_of(kind))  # type: ignore[arg-type]
        fields["event_id"] = f"event-{self._rng.getrandbits(64):x}"
        if issubclass(kind, Event):
            fields["customer_id"] = "ann"
        if kind is OrderPlaced:
            # Lines at the bounds of price and quantity would add up to more than an order may.
            fields["total_cents"] = self._rng.choice([0, 1_999, CENTS_MAX])
        if fields.get("time_zone"):
            fields["time_zone"] = self._rng.choice(TIME_ZONES)
        return fields

    def _struct(self, info: inspect.StructType) -> dict[str, Any]:
        fields = {} if info.tag_field is None else {info.tag_field: info.tag}
        for field in info.fields:
            if field.required or self._rng.random() < 0.7:
                fields[field.encode_name] = self._value(field.type)
        return fields

    def _value(self, info: inspect.Type) -> Any:  # noqa: C901, PLR0911 - one case a type
        rng = self._rng
        match info:
            case inspect.UnionType() if _is_moment(info):
                millis = START + rng.randrange(self._span)
                return rng.choice([millis, to_text(millis)])
            case inspect.UnionType():
                return self._value(rng.choice(info.types))
            case inspect.Metadata():
                return self._value(info.type)
            case inspect.StructType():
                return self._struct(info)
            case inspect.IntType():
                low, high = info.ge or 0, info.le or 10**12
                # Small more often than not, and the bounds themselves now and then.
                return rng.choice([low, rng.randint(low, min(high, 9)), high])
            case inspect.StrType():
                return self._matching(info.pattern) if info.pattern else self._name()
            case inspect.BoolType():
                return rng.random() < 0.5
            case inspect.LiteralType():
                return rng.choice(info.values)
            case inspect.DateType():
                return f"{rng.randrange(1920, 2020)}-{rng.randrange(1, 13):02}-28"
            case inspect.VarTupleType():
                count = rng.randint(info.min_length or 0, 4)
                return [self._value(info.item_type) for _ in range(count)]
            case inspect.DictType():
                return {
                    self._value(info.key_type): self._value(info.value_type)
                    for _ in range(rng.randrange(6))
                }
            case inspect.NoneType():
                return None
        raise NotImplementedError(f"no event has had a field of this type so far: {info}")

    def _name(self) -> str:
        return str(self._rng.randrange(self._names)).ljust(self._name_length, self._letter)

    def _matching(self, pattern: str) -> str:
        if "[A-Z]{2}" in pattern:
            return self._rng.choice(("DE", "IN", "JP"))
        if "[A-Z]{3}" in pattern:
            return "".join(self._rng.choices(ascii_uppercase, k=3))
        if "[0-9]" in pattern:
            return f"{self._rng.randrange(1, 200)}.{self._rng.randrange(10**6):06}"
        return self._rng.choice(LOCALES)


@cache
def _struct_of(kind: Any) -> inspect.StructType:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info


def _is_moment(info: inspect.UnionType) -> bool:
    return any(isinstance(it, inspect.DateTimeType) for it in info.types)

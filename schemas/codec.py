"""How do bytes become structs, and back? JSON at every border and in the outbox, msgpack in rows.

Decoders are built once: building one costs more than using it.
"""

from typing import TypeVar

import msgspec

from schemas.clickstream import Clickstream
from schemas.decisions import Decision, Outgoing, Trigger
from schemas.journal import Record, Tick
from schemas.orders import Orders
from schemas.profiles import Profiles
from schemas.reviews import Reviews
from schemas.shop_events import ShopEvents

T = TypeVar("T")

#: What decoding raises where bytes are not what they should be; deep nesting is the third.
DAMAGE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

#: The raw topics, and what may stand on each. A Tick there is a feeder's that replays history.
RAW_UNIONS: dict[str, object] = {
    "clickstream": Clickstream | Tick,
    "orders": Orders | Tick,
    "reviews": Reviews | Tick,
    "profiles": Profiles | Tick,
    "shop": ShopEvents | Tick,
}
RAW_TOPICS = tuple(RAW_UNIONS)

raw_decoders = {topic: msgspec.json.Decoder(union) for topic, union in RAW_UNIONS.items()}

encode_json = msgspec.json.Encoder().encode
encode_row = msgspec.msgpack.Encoder().encode

decode_record = msgspec.json.Decoder[Record](Record).decode
decode_decision = msgspec.json.Decoder(Decision).decode
decode_trigger = msgspec.json.Decoder(Trigger).decode
decode_outgoing = msgspec.json.Decoder(Outgoing).decode

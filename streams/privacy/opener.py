"""How do events get back what is personal in them? When they leave the log, before the engine.

What cannot be opened, because its key is destroyed, keeps its neutral values and is folded all the
same. So a replay past an erasure works, and shows nothing personal.
"""

from collections.abc import Sequence

import structlog
from msgspec.structs import replace

from schemas.codec import DAMAGE
from schemas.journal import Entry, Record
from schemas.personal import together
from state.redis_keys import Found
from streams import metrics
from streams.privacy.cipher import Cipher, Damaged, PrivacyError, unseal
from streams.privacy.key_ring import KeyRing

log = structlog.get_logger()


class Opener:
    """Opens what is sealed. cipher None: nothing can be, which is a mistake if anything is."""

    def __init__(self, ring: KeyRing, cipher: Cipher | None) -> None:
        self._ring = ring
        self._cipher = cipher
        #: Up to where in each partition every key that sealed something has been heard of.
        self._heard_to: dict[int, int] = {}
        #: How many events could not be opened so far.
        self.unopened = 0

    def begin(self, partition: int) -> None:
        """Redis may be another one by now, or may have gone back."""
        self._heard_to.pop(partition, None)

    async def open(
        self, partition: int, offsets: Sequence[int], records: Sequence[Record], end: int
    ) -> list[Record]:
        """The records as they were published. end: of the journal partition, when it was read.

        Raises StoreError and DeliveryError (come again) and PrivacyError.
        """
        sealed = [(at, it) for at, it in enumerate(records) if type(it) is Entry and it.sealed]
        if not sealed:
            return list(records)
        cipher = self._cipher
        if cipher is None:
            raise _no_key()
        found = await self._found(partition, [(offsets[at], it) for at, it in sealed], end)
        opened = list(records)
        for at, it in sealed:
            whole = _opened(cipher, it, found[it.event.subject], partition, offsets[at])
            self.unopened += whole is it
            opened[at] = whole
        return opened

    async def _found(
        self, partition: int, sealed: Sequence[tuple[int, Entry]], end: int
    ) -> dict[str, Found]:
        """The keys of all whom sealed entries are about; these come with their offsets."""
        names = sorted({it.event.subject for _, it in sealed})
        found = await self._ring.keys.look(partition, names)
        heard_to = self._heard_to.get(partition, -1)
        if any(
            offset >= heard_to and it.key_id not in found[it.event.subject].opening
            for offset, it in sealed
        ):
            # Destroyed, or lost by Redis: the topic knows.
            await self._ring.catch_up(partition)
            self._heard_to[partition] = max(end, sealed[-1][0] + 1)
            found = await self._ring.keys.look(partition, names)
        return found


def _opened(cipher: Cipher, entry: Entry, found: Found, partition: int, offset: int) -> Entry:
    event, key_id = entry.event, entry.key_id
    wrapped = found.opening.get(key_id)
    if wrapped is None:
        metrics.SEALED.labels("destroyed").inc()
        return entry
    key = cipher.unwrap(event.subject, key_id, wrapped)
    try:
        whole = together(event, unseal(key, event, entry.sealed))
    except (Damaged, *DAMAGE) as error:
        metrics.SEALED.labels("damaged").inc()
        what = "its neutral values are taken; has somebody else written to the journal?"
        log.warning(
            "sealed_not_readable", partition=partition, offset=offset, error=str(error), what=what
        )
        return entry
    metrics.SEALED.labels("opened").inc()
    return replace(entry, event=whole)


def refuse_sealed(records: Sequence[Record]) -> None:
    """Raise PrivacyError where something is sealed, for whoever has no master key.

    To take it for destroyed would make rows from it that are wrong for good.
    """
    if any(type(it) is Entry and it.sealed for it in records):
        raise _no_key()


def _no_key() -> PrivacyError:
    return PrivacyError(
        "the journal has sealed events, and EBBTIDE_PRIVACY_KEY is not set: set the one that they"
        " were sealed under"
    )

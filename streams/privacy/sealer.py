"""How does what is personal get out of an event, before it stands in the log for ever?

Ingest and import hand over the entries that they are about to write, in order. An erasure among
them retires the customer's keys: what comes after it is sealed with a new one, however long it
takes until the erasure is applied and the old ones are destroyed.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from schemas.event import Event
from schemas.journal import Entry
from schemas.personal import PERSONAL, personal_in, without, written
from schemas.profiles import ErasureRequested
from state.redis_keys import Found, Kept
from streams import metrics
from streams.partitioner import partition_of
from streams.privacy.cipher import Cipher, Key, seal
from streams.privacy.key_ring import KeyRing
from streams.tasks import at_once

#: What the keys have to be looked up for.
_ASKED = frozenset((*PERSONAL, ErasureRequested))


class _Owner(Struct):
    """A customer while a batch is sealed. key_ids: all that may open something of theirs."""

    key_ids: list[str]
    key: Key | None
    made: list[Kept] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)


class Sealer:
    """Seals entries. cipher None: nothing is sealed, and erasures still know the keys."""

    def __init__(self, ring: KeyRing, cipher: Cipher | None, journal_partitions: int) -> None:
        self._ring = ring
        self._cipher = cipher
        self._partitions = journal_partitions

    def concerns(self, event: Event) -> bool:
        """Whether an event may not be written as it is. Most may, and that costs one look."""
        if type(event) not in _ASKED:
            return False
        if type(event) is ErasureRequested:
            return True
        return self._cipher is not None and bool(personal_in(event))

    async def seal(self, entries: Sequence[Entry]) -> list[Entry]:
        """Entries that are of concern, as they may be written.

        Raises StoreError and DeliveryError (nothing is lost, come again) and PrivacyError.
        """
        if not entries:
            return []
        owners = await self._owners({it.event.subject for it in entries})
        sealed = [self._sealed(owners[it.event.subject], it) for it in entries]
        await self._keep(owners)
        metrics.SEALED.labels("sealed").inc(sum(bool(it.sealed) for it in sealed))
        return sealed

    async def _owners(self, names: Iterable[str]) -> dict[str, _Owner]:
        shares = self._shares(sorted(names))
        answers = await at_once(
            self._ring.keys.look(partition, its) for partition, its in shares.items()
        )
        return {name: self._owner(name, it) for found in answers for name, it in found.items()}

    def _owner(self, name: str, found: Found) -> _Owner:
        kept, cipher = found.sealing, self._cipher
        key = cipher.unwrap(name, kept.id, kept.wrapped) if kept and cipher else None
        return _Owner([it.id for it in found.kept], key)

    def _sealed(self, owner: _Owner, entry: Entry) -> Entry:
        event = entry.event
        if isinstance(event, ErasureRequested):
            owner.retired, owner.key = list(owner.key_ids), None
            return replace(entry, destroys="".join(owner.key_ids))
        if self._cipher is None:
            return entry
        if owner.key is None:
            owner.key, kept = self._cipher.new_key(event.subject)
            owner.made.append(kept)
            owner.key_ids.append(kept.id)
        values = personal_in(event)
        text = seal(owner.key, event, written(values))
        return replace(entry, event=without(event, values), sealed=text)

    async def _keep(self, owners: dict[str, _Owner]) -> None:
        await at_once(
            self._ring.make(
                partition,
                [(name, kept) for name in its for kept in owners[name].made],
                {name: "".join(owners[name].retired) for name in its if owners[name].retired},
            )
            for partition, its in self._shares(owners).items()
        )

    def _shares(self, names: Iterable[str]) -> dict[int, list[str]]:
        """Customers by their partition."""
        shares: dict[int, list[str]] = {}
        for name in names:
            shares.setdefault(partition_of(name, self._partitions), []).append(name)
        return shares

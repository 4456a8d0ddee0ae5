"""Which models were made, and up to when has it been tried? What the leader notes in Redis.

Two kinds of keys, of no partition: ``ebb:models:<agent>`` (hash: the newest models by version) and
``ebb:fitted`` (hash: by agent, the moment of the log up to which was last tried). Neither decides
anything: what is decided by stands in the partitions and in the journal, so nothing is lost with
these but the way back to an older model.
"""

import msgspec
from msgspec import Raw, Struct

from schemas.codec import DAMAGE, encode_json
from state.redis_client import InRedis, answer
from state.table import StoreError

FITTED_KEY = "ebb:fitted"
_MODELS_KEY = "ebb:models:"

#: So many models of an agent can be gone back to: a month of daily ones.
KEPT_MAX = 30


class MadeModel(Struct, frozen=True):
    """A model that went into the journal. by: ``fit``, or ``use`` where an older one was chosen.

    ledgers, ledger_bytes: of what it was fitted. model: its body.
    """

    version: str
    made_at: int
    by: str
    ledgers: int
    ledger_bytes: int
    model: Raw


class RedisModels(InRedis):
    """What was made, by agent. Every method raises StoreError where Redis does not answer."""

    async def keep(self, agent: str, made: MadeModel) -> None:
        """Keep a model, and no more than the newest ones; versions begin with their day."""
        key = _MODELS_KEY + agent
        await answer(self._redis.hset(key, made.version, encode_json(made)))
        versions = sorted(await answer(self._redis.hkeys(key)))
        if old := versions[:-KEPT_MAX]:
            await answer(self._redis.hdel(key, *old))

    async def versions(self, agent: str) -> list[MadeModel]:
        """The models that are kept, the newest last. Raises StoreError where one is damaged."""
        reply = await answer(self._redis.hvals(_MODELS_KEY + agent))
        try:
            found = [_decode(it) for it in reply]
        except DAMAGE as error:
            raise StoreError(f"{_MODELS_KEY}{agent} is not readable: {error}") from error
        return sorted(found, key=lambda it: it.made_at)

    async def note_fitted(self, agent: str, at: int) -> None:
        """Note up to which moment of the log an agent's model was last tried."""
        await answer(self._redis.hset(FITTED_KEY, agent, at))

    async def fitted(self) -> dict[str, int]:
        """Up to which moment it was, by agent."""
        reply = await answer(self._redis.hgetall(FITTED_KEY))
        return {name.decode(): int(at) for name, at in reply.items()}


_decode = msgspec.json.Decoder(MadeModel).decode

"""Does a target's consumer hear Kafka, and does it have partitions? Said once, and once a minute.

The law: librdkafka complains of a Kafka that is away many times a second, and says nothing of one
that has come back. So a complaint is a reason to look, and what is found is what is told.

All of it is called from the consumer's thread, but for ``trouble``.
"""

import math
import time
from collections import Counter
from collections.abc import Callable

import structlog
from confluent_kafka import KafkaError

log = structlog.get_logger()

# An error after which a client is of no more use.
_FATAL = KafkaError._FATAL  # noqa: SLF001 - its only name
# Different words for one thing: a server that is away.
_AWAY = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE)  # noqa: SLF001
_AGAIN_S = 60.0
_LOOK_EVERY_S = 1.0
# librdkafka tries a server again after 10 s at most; who has not complained for longer is well.
_WELL_AFTER_S = 15.0
# A join takes about 3 s on the embedded broker, and a session's end longer where one was killed.
_LONG_S = 15.0


class Standing:
    """One consumer's. answers: asks Kafka, and says whether it has. clock: in seconds."""

    def __init__(
        self, name: str, answers: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._answers, self._clock = name, answers, clock
        self.is_assigned = False
        self.fatal = ""
        self._without = "no partitions are assigned yet"
        self._without_since = self._without_said_at = clock()
        self._error = ""
        self._heard_at = self._looked_at = 0.0
        self._said_at: dict[int, float] = {}
        self._unsaid: Counter[int] = Counter()
        self.is_away = False

    def trouble(self) -> str:
        """What keeps the consumer from records; empty where nothing does."""
        if self.fatal:
            return self.fatal
        if self.is_away:
            return f"kafka: {self._error}"
        if self.is_assigned:
            return ""
        return f"{self._without}; kafka: {self._error}" if self._error else self._without

    def is_joining(self) -> bool:
        """Whether it has no partitions yet, and may still get some."""
        return not (self.is_assigned or self.is_away or self.fatal)

    def has(self, partitions: int) -> None:
        """It is in its group, and has so many partitions: perhaps none."""
        self.is_assigned = True
        log.info("webhook_partitions", target=self._name, partitions=partitions)

    def has_none(self) -> None:
        """Its partitions are another's now."""
        self.is_assigned = False
        self._without = "no partitions are assigned at the moment"
        self._without_since = self._without_said_at = self._clock()

    def hear(self, error: KafkaError) -> None:
        """It complains."""
        now = self._clock()
        if error.fatal() or error.code() == _FATAL:
            self.fatal = f"its consumer is broken: {error.str()}"
        kind = _AWAY[0] if error.code() in _AWAY else error.code()
        if now - self._said_at.get(kind, -math.inf) >= _AGAIN_S:
            more = {"more": count} if (count := self._unsaid.pop(kind, 0)) else {}
            log.warning("webhook_kafka", target=self._name, error=error.str(), **more)
            self._said_at[kind] = now
        else:
            self._unsaid[kind] += 1
        self._error, self._heard_at = error.str(), now

    def look(self) -> None:
        """Look after what was heard, and say what lasts for long; call it often."""
        now = self._clock()
        if self._error and now - self._looked_at >= _LOOK_EVERY_S:
            self.is_away = not self._answers()
            self._looked_at = now = self._clock()
            if not self.is_away and now - self._heard_at >= _WELL_AFTER_S:
                log.info("mended", what="webhook_kafka", target=self._name)
                self._error = ""
                self._said_at.clear()
                self._unsaid.clear()
        since = max(self._without_since, self._without_said_at)
        again_s = _LONG_S if self._without_said_at == self._without_since else _AGAIN_S
        if not self.is_assigned and not self.is_away and now - since >= again_s:
            self._without_said_at = now
            log.warning(
                "webhook_without_partitions", target=self._name,
                for_s=round(now - self._without_since),
                what="another process may be giving them back, or one was killed; if this lasts,"
                " stop all of this target for a minute, or name it anew",
            )  # fmt: skip

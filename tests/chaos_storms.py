"""What goes wrong, and when? A deck of accidents, shuffled by a seed.

Each accident is drawn, done, and followed by a pause; some hit while the one before still shows.
On the embedded broker no worker is hurt before the rebalance of the one before has come to its end:
its group coordinator waits for ever for a leader that leaves in the middle of one, whoever joins
later.
"""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from chaos_shop import PARTITIONS, ChaosShop, Worker
from live_shop import until

RECOVERY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.02

# How often each accident comes for 50 killed workers; redis_kill takes turns with both ways in
# which Redis writes its file.
DECK = {
    "worker_kill": 50,
    "worker_freeze": 5,
    "worker_leave": 3,
    "worker_join": 3,
    "rolling_restart": 1,
    "redis_kill": 4,
    "redis_flush": 2,
    "redis_cut": 4,
    "redis_slow": 3,
    "redis_long_away": 1,
}
APACHE_ONLY = {"broker_kill": 4}


def deck(rng: Random, kills: int, *, apache: bool) -> list[str]:
    """The accidents of a run, shuffled; at least one of each kind."""
    wanted = DECK | (APACHE_ONLY if apache else {})
    cards = [name for name, n in wanted.items() for _ in range(max(1, round(n * kills / 50)))]
    rng.shuffle(cards)
    return cards


class Storm:
    """Does accidents to a shop. done: how many of each.

    recoveries_s: after each killed worker, until all partitions were served again. handovers_s: the
    same from the moment at which a worker was asked to stop.
    """

    def __init__(self, shop: ChaosShop, rng: Random) -> None:
        self.done: Counter[str] = Counter()
        self.recoveries_s: list[float] = []
        self.handovers_s: list[float] = []
        self._shop = shop
        self._rng = rng

    def strike(self, accident: str) -> None:
        """Do one accident, and see to it that three workers run afterwards."""
        if self._shop.kafka is None:
            until(self._shop.is_settled, "every worker has its partitions", RECOVERY_WITHIN_S)
        action: Callable[[], None] = getattr(self, f"_{accident}")
        action()
        self.done[accident] += 1
        self._look_after_workers()

    def pause(self) -> None:
        """Some time without an accident, or hardly any."""
        time.sleep(self._rng.choice([0.1, 0.5, 1.0, 2.0]))

    def wait_until_served(self, since: float | None = None) -> float:
        """Until every journal partition has moved; how long that took (seconds)."""
        began = since or time.monotonic()
        before, unmoved = self._shop.offsets(), set(range(PARTITIONS))

        def all_moved() -> bool:
            for partition, position in self._shop.offsets().items():
                if position is not None and position != before[partition]:
                    unmoved.discard(partition)
            return not unmoved

        until(all_moved, f"all partitions are served, not {unmoved}", RECOVERY_WITHIN_S)
        return time.monotonic() - began

    # Workers

    def _worker_kill(self) -> None:
        """A power cut. Now and then another one while the first still shows."""
        victim = self._any_worker()
        began = time.monotonic()
        victim.kill()
        self._shop.workers.remove(victim)
        self._shop.start_worker()
        if self._rng.random() < 0.8:
            self.recoveries_s.append(self.wait_until_served(began))

    def _worker_freeze(self) -> None:
        """Stop it for longer than its session, so that its partitions go to others; wake it."""
        victim = self._any_worker()
        victim.send(signal.SIGSTOP)
        time.sleep(self._shop.settings.session_timeout_s * self._rng.choice([1.5, 2.0, 3.0]) + 1)
        victim.send(signal.SIGCONT)

    def _worker_leave(self) -> None:
        self._shop.end_worker(self._any_worker())
        self._rest()

    def _worker_join(self) -> None:
        self._shop.start_worker()
        self._rest()

    def _rolling_restart(self) -> None:
        for worker in list(self._shop.workers):
            began = time.monotonic()
            code = self._shop.end_worker(worker)
            assert code == 0, f"worker {worker.number} ended with {code}"
            self._shop.start_worker()
            self.handovers_s.append(self.wait_until_served(began))
            until(self._shop.is_settled, "every worker has its partitions", RECOVERY_WITHIN_S)

    # Redis

    def _redis_kill(self) -> None:
        servers = self._shop.servers
        servers.appendfsync = "always" if servers.appendfsync == "everysec" else "everysec"
        servers.kill_redis()
        time.sleep(self._rng.choice([0.0, 0.5, 3.0]))
        servers.start_redis()
        self.wait_until_served()

    def _redis_flush(self) -> None:
        self._shop.redis.flushall()
        self.wait_until_served()

    def _redis_cut(self) -> None:
        self._shop.proxy.cut()
        time.sleep(self._rng.choice([0.2, 1.0, 4.0]))
        self._shop.proxy.mend()
        self.wait_until_served()

    def _redis_slow(self) -> None:
        self._shop.proxy.delay_s = self._rng.choice([0.05, 0.3, 3.0])
        time.sleep(5)
        self._shop.proxy.mend()
        self.wait_until_served()

    def _redis_long_away(self) -> None:
        """Longer than the group takes to give out a dead worker's partitions, and Faust to seek."""
        self._shop.proxy.cut()
        victim = self._any_worker()
        victim.kill()
        self._shop.workers.remove(victim)
        self._shop.start_worker()
        time.sleep(3 * self._shop.settings.session_timeout_s + 8)
        self._shop.proxy.mend()
        self.wait_until_served()

    # Kafka

    def _broker_kill(self) -> None:
        assert self._shop.kafka is not None
        # A worker that starts and finds no Kafka ends, as it should: that is another matter.
        until(self._shop.is_settled, "every worker has its partitions", RECOVERY_WITHIN_S)
        self._shop.kafka.kill()
        time.sleep(self._rng.choice([0.0, 1.0]))
        self._shop.kafka.start()
        self.wait_until_served()

    def _rest(self) -> None:
        time.sleep(self._rng.choice([0.5, 2.0]))

    def _any_worker(self) -> Worker:
        return self._rng.choice(self._shop.workers)

    def _look_after_workers(self) -> None:
        """As a supervisor would: three run; one that has ended by itself is counted."""
        for worker in list(self._shop.workers):
            code = worker.process.poll()
            if code is not None:
                self.done[f"worker_ended_with_{code}"] += 1
                self._shop.workers.remove(worker)
        while len(self._shop.workers) < 3:
            self._shop.start_worker()
        if len(self._shop.workers) > 4:
            until(self._shop.is_settled, "every worker has its partitions", RECOVERY_WITHIN_S)
            self._shop.end_worker(self._any_worker())


def in_turn(storm: Storm, cards: list[str]) -> Iterator[str]:
    """Strike with each card; yields its name before."""
    for card in cards:
        yield card
        storm.strike(card)
        storm.pause()

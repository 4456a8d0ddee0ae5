"""How is a contender's program started, or one end of an open loop? With words that tell it all."""

import os
import subprocess
from pathlib import Path
from typing import Any

from bench import servers
from bench.place import CONFIG, ROOT
from bench.servers import Servers


def start(command: list[str], words: dict[str, Any], log: Path) -> subprocess.Popen[bytes]:
    """Start it in its log's folder. words: its options, by name."""
    options = [f"--{name}={value}" for name, value in words.items()]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "EBBTIDE_CONFIG": str(CONFIG)}
    with log.open("ab") as output:
        return subprocess.Popen(
            [*command, *options], stdout=output, stderr=output, cwd=log.parent, env=environment
        )


def told(there: Servers, topic: str, events: int, result: Path) -> dict[str, Any]:
    """What every contender is told; ``bench.contenders.arguments`` reads it."""
    return {
        "broker": there.broker, "redis": there.redis_url, "topic": topic, "out": servers.SINK,
        "group": "bench", "events": events, "result": result, "folder": result.parent,
    }  # fmt: skip

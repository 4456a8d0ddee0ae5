"""`make bench`: Ebbtide beside its peers, in turn, several rounds; tables, and build/bench.json."""

import argparse
import json
import sys
from typing import Any

from rich.console import Console

from bench import gate, latency, policies, scale, throughput
from bench.place import FOUND, Options, Wrong, draw

#: What can be measured, in the order in which it is; each has ``measure`` and ``show``.
PARTS: dict[str, Any] = {
    "throughput": throughput, "gate": gate, "policies": policies, "latency": latency,
    "scale": scale,
}  # fmt: skip
QUICK_PARTS = ("throughput", "gate", "policies", "latency")


def main() -> int:
    """Run by hand."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one round with a tenth of the events; no scale"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--part", action="append", choices=PARTS, help="this part alone")
    parser.add_argument(
        "--only", action="append", default=[], help="contenders whose names have it"
    )
    parser.add_argument("--json", action="store_true", help="the figures on stdout")
    parser.add_argument(
        "--plot", action="store_true", help="draw what was measured, and measure nothing"
    )
    args = parser.parse_args()
    if args.plot:
        return draw("bench.plot", FOUND)
    rounds, events = (1, args.events // 10) if args.quick else (args.rounds, args.events)
    options = Options(args.quick, rounds, events, args.customers, tuple(args.only))
    found = _kept()
    console = Console(width=None if sys.stdout.isatty() else 140)
    for name in args.part or (QUICK_PARTS if args.quick else PARTS):
        try:
            found[name] = PARTS[name].measure(options)
        except Wrong as error:
            Console(stderr=True).print(str(error), style="red")
            return 1
        FOUND.write_text(json.dumps(found, indent=2) + "\n")
        if not args.json:
            console.print(PARTS[name].show(found[name]))
    if args.json:
        print(json.dumps(found))
    return 0


def _kept() -> dict[str, Any]:
    """What an earlier run has found of the other parts."""
    try:
        kept: dict[str, Any] = json.loads(FOUND.read_text())
    except FileNotFoundError:
        return {}
    return {name: kept[name] for name in PARTS if name in kept}


if __name__ == "__main__":
    sys.exit(main())

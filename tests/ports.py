"""Which port may a test take? One that nobody listens on, and that this run has given to nobody else."""

import socket
from contextlib import suppress
from random import SystemRandom

from streams.embedded import HOST

# Neither those among which embedded servers choose for themselves, nor those that systems hand out
# for outgoing connections: somebody's connection may have such a port by the time that a server
# which was killed wants it back. Ten thousand higher, where nodes of a Redis Cluster talk, there are
# none of the latter either.
_PORTS = range(10_500, 20_000)
_given: set[int] = set()


def free_port(*higher: int) -> int:
    """A port to listen on. higher: so much higher ones have to be free too."""
    while True:
        port = SystemRandom().choice(_PORTS)
        wanted = {port, *(port + it for it in higher)}
        if not wanted & _given and all(map(_is_free, wanted)):
            _given.update(wanted)
            return port


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.socket() as probe:
        # As servers do, so that the remains of closed connections do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return True
    return False

"""Can we listen there? Asked beforehand, because a server's own answer comes with a traceback."""

import socket

from streams.commands.terminal import CommandError


def require_free(host: str, port: int, wanted_by: str) -> None:
    """Raise CommandError where nobody could listen on the port, and say what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do, so that the remains of closed connections do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"{wanted_by} wants port {port} on {host}, which is refused ({error.strerror}):"
                " choose another with --web-port"
            ) from error

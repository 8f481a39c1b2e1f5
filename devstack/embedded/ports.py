"""TCP ports on loopback that nobody uses."""

import random
import socket

# Below Linux' range for outgoing connections (32768 and up): none of those takes the port before its server does.
LOWEST, HIGHEST = 20000, 29999


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a TCP port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None) -> int:
    """Return a TCP port of 127.0.0.1 that is free now.

    Args:
        preferred: The port to return if it is free.

    Raises:
        OSError: None was found in 100 tries.
    """
    if preferred is not None and is_free(preferred):
        return preferred
    for _ in range(100):
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311  not a secret
        if is_free(port):
            return port
    raise OSError(f"no free port found on 127.0.0.1 between {LOWEST} and {HIGHEST}")

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


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now.

    Raises:
        OSError: None was found in 100 tries.
    """
    for _ in range(100):
        port = random.randint(LOWEST, HIGHEST)  # no secret  # noqa: S311
        if is_free(port):
            return port
    raise OSError(f"no free port found on 127.0.0.1 between {LOWEST} and {HIGHEST}")


def reserve_port(preferred: int | None = None) -> socket.socket:
    """Choose a free TCP port of 127.0.0.1, and keep it from all who call this too, in other processes as well.

    A server takes its port a while after it was chosen; two that start at once would choose the same one.

    Args:
        preferred: The port to choose if it is free.

    Returns:
        A UDP socket bound to the port's number. The port is reserved until it is closed.

    Raises:
        OSError: None was found in 100 tries.
    """
    for attempt in range(100):
        port = preferred if preferred is not None and attempt == 0 else free_port()
        reservation = socket.socket(type=socket.SOCK_DGRAM)
        try:
            reservation.bind(("127.0.0.1", port))  # UDP counts its ports apart from TCP: the server can have this one
        except OSError:
            taken = True
        else:
            taken = not is_free(port)
        if not taken:
            return reservation
        reservation.close()
    raise OSError(f"no free port found on 127.0.0.1 between {LOWEST} and {HIGHEST}")

"""Keeps Channels from closing database connections while test clients are open: in a `TestCase` they hold its
transaction.

Channels' own communicators do that too, one call at a time; here clients overlap, so they are counted.
"""

from unittest import mock

_patch = mock.patch("channels.db.close_old_connections")
_clients = 0


def begin() -> None:
    """A client opens."""
    global _clients
    if _clients == 0:
        _patch.start()
    _clients += 1


def end() -> None:
    """A client that has begun is done."""
    global _clients
    _clients -= 1
    if _clients == 0:
        _patch.stop()

"""What can go wrong between a client and the bridge, as exceptions.

Errors of the application (its rules, its validation) are its own; here stand only those that the bridge raises or
understands.
"""

from __future__ import annotations

from typing import Any


class ConnectionRefused(Exception):
    """Raised by `Namespace.on_connect` to refuse a socket.

    `message` and `data` reach clients of Socket.IO protocol 5 as `{"message": …, "data": …}`; those of protocol 4 get
    `message` alone, as their ERROR packet carries one string (Socket.IO protocol 5, "Difference between v5 and v4").
    """

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class EventError(Exception):
    """An event that came in and could not be handed to a handler."""


class UnknownEvent(EventError):
    """The namespace has no handler of that name."""


class InvalidArguments(EventError):
    """The arguments do not have the number or the types that the handler declares; the message says where and why."""


class AckTimeout(Exception):
    """The client did not acknowledge an event in time, or left before it did."""


class AcksMissing(AckTimeout):
    """Not all sockets acknowledged a broadcast in time.

    `answers` holds the arguments of the acknowledgements that came, by socket id, `missing` the ids of the sockets
    that did not answer or left, `failed` why processes could not be asked, by the ids of their hubs.
    """

    def __init__(
        self, message: str, answers: dict[str, list[Any]], missing: list[str], failed: dict[str, ClusterError]
    ) -> None:
        super().__init__(message)
        self.answers = answers
        self.missing = missing
        self.failed = failed


class ClusterError(Exception):
    """Another process could not be asked, or did not answer."""


class HubGone(ClusterError):
    """The process is not there, or ended before it answered."""


class HubTimeout(ClusterError):
    """The process is there, but did not answer in time."""


class HubFailed(ClusterError):
    """The process could not answer; the message holds the error that it had."""

"""The exceptions that an application raises for the bridge, or gets from it."""

from __future__ import annotations

from typing import Any


class ConnectionRefused(Exception):
    """Raise it in `Namespace.on_connect`, `on_recover` or connect middleware to refuse a client.

        raise ConnectionRefused("Log in first", {"code": "anonymous"})

    Args:
        message: The `message` of the client's `connect_error`.
        data: Its `data`: anything that msgspec encodes to JSON. Clients 2.x do not get it, as the ERROR packet of
            protocol 4 carries one string (Socket.IO protocol 5, "Difference between v5 and v4").
    """

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class TryAgainLater(Exception):
    """Raise it in `Namespace.on_connect`, `on_recover` or connect middleware where a client cannot be let in just now.

        raise TryAgainLater("the store is away")

    A client that is refused (`ConnectionRefused`) does not try again by itself. One whose connection ends does, with
    the delay that it is set to, whatever its generation. So the connection ends, without an answer to the CONNECT. A
    connection that is in another namespace stays: there the handler runs again. The name is that of WebSocket's close
    code 1013 (IANA, WebSocket Close Code Number Registry), "Try Again Later".

    Args:
        reason: Why, for the log.
        retry_after: Seconds until the connection ends, or the handler runs again; up to half as much more, at random,
            so that clients do not come back all at once. The server waits because clients begin their back-off anew
            with each connection that opens. It waits `Options.connect_timeout` at most.
    """

    def __init__(self, reason: str, *, retry_after: float = 2.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class EventError(Exception):
    """An event from a client cannot be given to a handler. `Namespace.on_error` gets its subclasses."""


class UnknownEvent(EventError):
    """The namespace has no handler for the event; the message names those that it has."""


class InvalidArguments(EventError):
    """The arguments do not have the number or the types that the handler declares; the message says which, and why."""


class EventRefused(EventError):
    """An event is refused: by a guard of `@event`, or by a handler that raises it.

        raise EventRefused("order_shipped", "order 7 has left: it can only be returned")

    By default its `answer` acknowledges the event.

    Args:
        code: The reason, for programs: stable, in snake_case.
        message: What was wrong and what would be right, for people.
        retry_after: Seconds until the same would be taken; None: waiting does not help.

    Attributes:
        code: The reason.
        message: The text for people.
        retry_after: Seconds to wait.
    """

    def __init__(self, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after


class AckTimeout(Exception):
    """A client did not acknowledge an event in time, or left before it did."""


class InvalidAck(Exception):
    """A client acknowledged an event with something that does not fit the type that the event declares."""


class AcksMissing(AckTimeout):
    """Not all sockets acknowledged a broadcast in time.

    Attributes:
        answers: The arguments of the acknowledgements that came, by socket id.
        missing: The ids of the sockets that did not answer, or left.
        failed: Why processes did not answer for their sockets, by the process's id.
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


class NodeGone(ClusterError):
    """The process is not there, or ended before it answered."""


class RequestTimeout(ClusterError):
    """The process is there, but did not answer in time."""


class RequestFailed(ClusterError):
    """The process could not answer; the message holds the error that it had."""

"""The bridge's settings, read from `settings.SOCKETIO`. Names and defaults are Socket.IO's where it has them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

TransportName: TypeAlias = Literal["polling", "websocket"]
ParserName: TypeAlias = Literal["json", "msgpack"]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Size: TypeAlias = Annotated[int, msgspec.Meta(gt=0)]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a `SocketIOServer` behaves. Times are in seconds, sizes in bytes.

    Attributes:
        ping_interval: The time between two heartbeats (Engine.IO protocol 4, "Heartbeat").
        ping_timeout: How long a client may leave a heartbeat unanswered.
        connect_timeout: How long a connection may stay without a namespace, and how long a connect handler may run.
        upgrade_timeout: How long the change from polling to a WebSocket may take.
        max_payload: The largest message that a client may send (Socket.IO's `maxHttpBufferSize`).
        outbound_limit: How much may wait for a client that reads slowly; over it, the client is disconnected.
        inbound_limit: How much of a client's input may wait for its handlers; over it, the bridge reads no more from
            the client.
        transports: What a client may connect by. With both it may begin by polling and change over to a WebSocket.
        parsers: How clients may encode their packets: "json", Socket.IO's own parser; "msgpack", which clients of
            protocol 5 with `socket.io-msgpack-parser` speak. With both, each client is answered in its own.
        allow_eio3: Whether clients of Engine.IO's protocol 3, those of 2.x, may connect (Socket.IO's `allowEIO3`).
        cookie: The name of a cookie that holds the session's id; None: no cookie.
        allowed_origins: Origins whose pages may connect beside the server's own; `"*"`: any.
        allowed_origin_regexes: Regular expressions; pages of origins that one matches as a whole may connect, too
            (django-cors-headers' `CORS_ALLOWED_ORIGIN_REGEXES`, which need not match to the end).
        allow_origin: The dotted path of a function `(origin: str) -> bool` that decides on origins that neither
            option allows. It is called for each request, in the event loop: it must not wait.
        allow_request: The dotted path of an async function `(handshake: Handshake) -> None` that decides on each
            request that would open a connection, before it does (Engine.IO's `allowRequest`). It raises
            `ConnectionRefused`, whose message the client gets with Engine.IO's code 4, or `TryAgainLater`.
        follow_session: Whether sockets of a Django user are put out when the user logs out, the session expires, the
            password changes, or the user is made inactive or loses the permission of the namespace
            (`Namespace.on_session_end`). Every process of the project needs the same setting.
        eio_required: Whether a client must name its Engine.IO protocol in `EIO`, as the conformance suites demand.
            Without it a client that names none speaks protocol 3, as with the reference server.
        per_message_deflate: Whether WebSockets compress. The ASGI server does it; `for_uvicorn` tells uvicorn.
        max_disconnection_duration: How long after a cut a client may come back as the socket that it was (Socket.IO's
            `connectionStateRecovery.maxDisconnectionDuration`); None: it cannot. With it, each event without an
            acknowledgement reaches clients of protocol 5 with one argument more, its offset, as with the reference
            server.
        recovery_redis_url: The Redis that keeps what clients miss; None: the channel layer's. Without a channel layer
            between processes it is kept in memory.
        recovery_stream_length: How many envelopes of emissions are kept for recovery.
    """

    ping_interval: Seconds = 25.0
    ping_timeout: Seconds = 20.0
    connect_timeout: Seconds = 45.0
    upgrade_timeout: Seconds = 10.0
    max_payload: Size = 1_000_000
    outbound_limit: Size = 4_000_000
    inbound_limit: Size = 1_000_000
    transports: tuple[TransportName, ...] = ("polling", "websocket")
    parsers: tuple[ParserName, ...] = ("json",)
    allow_eio3: bool = True
    cookie: str | None = None
    allowed_origins: tuple[str, ...] = ()
    allowed_origin_regexes: tuple[str, ...] = ()
    allow_origin: str | None = None
    allow_request: str | None = None
    follow_session: bool = False
    eio_required: bool = False
    per_message_deflate: bool = False
    max_disconnection_duration: Seconds | None = None
    recovery_redis_url: str | None = None
    recovery_stream_length: Size = 100_000

    @classmethod
    def from_settings(cls) -> Self:
        """Read `settings.SOCKETIO`, and `settings.ALLOWED_ORIGINS` where the former has no `allowed_origins`.

        Raises:
            ImproperlyConfigured: An option does not exist, or a value has the wrong type.
        """
        given: dict[str, Any] = dict(getattr(settings, "SOCKETIO", {}))
        given.setdefault("allowed_origins", list(getattr(settings, "ALLOWED_ORIGINS", ())))
        try:
            return msgspec.convert(given, cls)
        except msgspec.ValidationError as error:
            names = ", ".join(cls.__struct_fields__)
            raise ImproperlyConfigured(f"SOCKETIO: {error}. The options are {names}.") from error

    @property
    def upgrades(self) -> tuple[TransportName, ...]:
        """The transports that a polling client may change over to."""
        return ("websocket",) if "websocket" in self.transports else ()

    def for_uvicorn(self) -> dict[str, Any]:
        """Make the arguments of `uvicorn.run` that have uvicorn serve as these options say.

            uvicorn.run("mysite.asgi:application", **Options.from_settings().for_uvicorn())

        uvicorn's own defaults differ.
        """
        return {
            "ws": "websockets-sansio",
            "ws_max_size": self.max_payload,
            "ws_ping_interval": None,  # Engine.IO has a heartbeat of its own
            "ws_per_message_deflate": self.per_message_deflate,
        }

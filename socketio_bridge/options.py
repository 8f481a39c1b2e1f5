"""The bridge's settings: Socket.IO's own names and defaults, read from `settings.SOCKETIO`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

TransportName: TypeAlias = Literal["polling", "websocket"]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Size: TypeAlias = Annotated[int, msgspec.Meta(gt=0)]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the bridge behaves. Times are seconds, sizes bytes.

    `ping_interval`, `ping_timeout`: heartbeat (Engine.IO protocol, "Heartbeat"). `max_payload`: the largest message a
    client may send (`maxHttpBufferSize`). `connect_timeout`: how long a connection may stay without a namespace, and
    how long a connect handler may run. `outbound_limit`: how much may wait for a client that reads slowly before it is
    disconnected. `inbound_limit`: how much of a client's input may wait for its handlers before the bridge stops
    reading from it.
    `transports`: what a client may connect by; with both it may begin by polling and go over to a WebSocket, within
    `upgrade_timeout`. `cookie`: the name of a cookie that holds the session's id; None: no cookie. `allowed_origins`:
    whose pages may connect beside the server's own; `"*"`: any. `eio_required`: whether a client must name its
    Engine.IO protocol in `EIO`, as the conformance suites want it; else one that names none speaks protocol 3.
    `per_message_deflate`: whether WebSockets compress, which is the ASGI server's to do: `for_uvicorn` tells it.
    `max_disconnection_duration`: how long after a cut a client may come back as the socket that it was
    (`connectionStateRecovery.maxDisconnectionDuration`); None: never. What it missed is kept in `recovery_redis_url`
    (None: the channel layer's Redis; without a layer to other processes: memory), at most `recovery_stream_length`
    envelopes of it. With it on, each event without an acknowledgement reaches clients of protocol 5 with one argument
    more, the offset, as with the reference server.
    """

    ping_interval: Seconds = 25.0
    ping_timeout: Seconds = 20.0
    connect_timeout: Seconds = 45.0
    upgrade_timeout: Seconds = 10.0
    max_payload: Size = 1_000_000
    outbound_limit: Size = 4_000_000
    inbound_limit: Size = 1_000_000
    transports: tuple[TransportName, ...] = ("polling", "websocket")
    cookie: str | None = None
    allowed_origins: tuple[str, ...] = ()
    eio_required: bool = False
    per_message_deflate: bool = False
    max_disconnection_duration: Seconds | None = None
    recovery_redis_url: str | None = None
    recovery_stream_length: Size = 100_000

    @classmethod
    def from_settings(cls) -> Self:
        """Read `settings.SOCKETIO` and, unless it names its own, `settings.ALLOWED_ORIGINS`.

        Raises `ImproperlyConfigured` for a value of the wrong kind or an option that does not exist.
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
        """The transports that a polling client may go over to."""
        return ("websocket",) if "websocket" in self.transports else ()

    def for_uvicorn(self) -> dict[str, Any]:
        """What `uvicorn.run` must be told to serve as these options say; its own defaults differ."""
        return {
            "ws": "websockets-sansio",
            "ws_max_size": self.max_payload,
            "ws_ping_interval": None,  # Engine.IO has a heartbeat of its own, which clients of both protocols know
            "ws_per_message_deflate": self.per_message_deflate,
        }

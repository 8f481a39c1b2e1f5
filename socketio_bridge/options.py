"""The bridge's options, given as `Options(…)` or read from `settings.SOCKETIO`. Names and defaults are Socket.IO's
where it has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, Self, TypeAlias, get_type_hints

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

TransportName: TypeAlias = Literal["polling", "websocket"]
ParserName: TypeAlias = Literal["json", "msgpack"]
RecoveryClients: TypeAlias = Literal["all", "asking"]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Size: TypeAlias = Annotated[int, msgspec.Meta(gt=0)]

REQUESTS_SHARE = 0.25
"""The part of `shutdown_window` in which open requests may end, after the clients have left."""

# What other servers call an option whose name here is not similar.
_ELSEWHERE = {
    "max_http_buffer_size": "max_payload",  # Socket.IO, python-socketio
    "cors": "allowed_origins",
    "cors_allowed_origins": "allowed_origins",
    "connection_state_recovery": "max_disconnection_duration",
}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a `SocketIOServer` behaves. Times are in seconds, sizes in bytes.

    The values are checked, and converted to the types here, in whichever way they come.

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
        serve_client: Whether the JavaScript client is served below the server's path (Socket.IO's `serveClient`).
        per_message_deflate: Whether WebSockets compress. The ASGI server does it; `for_uvicorn` tells uvicorn.
        shutdown_window: How long a process that is told to stop (SIGTERM, SIGINT) may take. Its clients are asked to
            connect again, some at a time, in the first half; then open requests are answered, and the namespaces
            stopped. A process that is still there at its end is killed (SIGALRM). Without clients it stops at once.
        tune_garbage_collector: Whether a process that is an application of `SocketIOServer.mount` sets Python's garbage
            collector up for serving (`socketio_bridge.garbage_collection`).
        max_disconnection_duration: How long after a cut a client may come back as the socket that it was (Socket.IO's
            `connectionStateRecovery.maxDisconnectionDuration`); None: it cannot. With it, each event without an
            acknowledgement reaches `recovery_clients` with one argument more, its offset, as with the reference server.
        recovery_clients: Who may come back: "all" clients of protocol 5, as with the reference server; or those
            "asking" for it by `recovery: true` in `auth` or the query. Clients of 3.0 to 4.5 cannot come back, and
            send nothing by which they are told from later ones: with "asking" they get no offset.
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
    transports: Annotated[tuple[TransportName, ...], msgspec.Meta(min_length=1)] = ("polling", "websocket")
    parsers: Annotated[tuple[ParserName, ...], msgspec.Meta(min_length=1)] = ("json",)
    allow_eio3: bool = True
    cookie: str | None = None
    allowed_origins: tuple[str, ...] = ()
    allowed_origin_regexes: tuple[str, ...] = ()
    allow_origin: str | None = None
    allow_request: str | None = None
    follow_session: bool = False
    eio_required: bool = False
    serve_client: bool = True
    per_message_deflate: bool = False
    shutdown_window: Seconds = 20.0
    tune_garbage_collector: bool = True
    max_disconnection_duration: Seconds | None = None
    recovery_clients: RecoveryClients = "all"
    recovery_redis_url: str | None = None
    recovery_stream_length: Size = 100_000

    def __post_init__(self) -> None:
        """Convert the values to their types.

        Raises:
            ImproperlyConfigured: Some are none that the options may have; the message names each.
        """
        converted, wrong = _convert(msgspec.structs.asdict(self))
        if wrong:
            raise ImproperlyConfigured(" ".join(wrong.values()))
        for name, value in converted.items():
            msgspec.structs.force_setattr(self, name, value)

    @classmethod
    def from_settings(cls) -> Self:
        """Read `settings.SOCKETIO`, and `settings.ALLOWED_ORIGINS` where the former has no `allowed_origins`.

        Raises:
            ImproperlyConfigured: It is no dictionary, an option does not exist, or a value is wrong.
        """
        given = getattr(settings, "SOCKETIO", {})
        if wrong := wrong_options(given):
            raise ImproperlyConfigured(" ".join(wrong.values()))
        origins: dict[str, Any] = {"allowed_origins": getattr(settings, "ALLOWED_ORIGINS", ())}
        return cls(**(origins | given))

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
            "ws": "socketio_bridge.transports.uvicorn_protocol:FrameProtocol",
            "ws_max_size": self.max_payload,
            "ws_ping_interval": None,  # Engine.IO has a heartbeat of its own
            "ws_per_message_deflate": self.per_message_deflate,
            "timeout_graceful_shutdown": max(1, int(self.shutdown_window * REQUESTS_SHARE)),
        }


def wrong_options(given: Any) -> dict[str, str]:
    """Find what is wrong in a dictionary of options, such as `settings.SOCKETIO`.

    Args:
        given: The dictionary.

    Returns:
        A sentence for each wrong option, by its name. `""` is the name where `given` is no dictionary.
    """
    if not isinstance(given, Mapping):
        return {"": f"SOCKETIO is no dictionary, but {given!r:.80}."}
    known = {name: value for name, value in given.items() if name in _types()}
    unknown = {str(name): _unknown(str(name)) for name in given if name not in known}
    return unknown | _convert(known)[1]


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Options, include_extras=True)


def _convert(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values in their types, and a sentence for each that has none."""
    converted: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, value in given.items():
        try:
            converted[name] = msgspec.convert(value, _types()[name])
        except msgspec.ValidationError as error:
            wrong[name] = f"The Socket.IO option {name!r} is {value!r:.80}: {error}."
    return converted, wrong


def _unknown(name: str) -> str:
    ours = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()  # Socket.IO writes pingInterval
    nearest = [_ELSEWHERE[ours]] if ours in _ELSEWHERE else get_close_matches(ours, _types(), n=1, cutoff=0.5)
    meant = f"Did you mean {nearest[0]!r}?" if nearest else f"There are {', '.join(_types())}."
    return f"{name!r} is no Socket.IO option. {meant}"

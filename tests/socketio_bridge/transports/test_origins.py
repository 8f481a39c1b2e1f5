"""Origins are compared as origins, however clients and proxies write them."""

from __future__ import annotations

import pytest
from channels.testing import WebsocketCommunicator

from socketio_bridge import Namespace, Options, SocketIOServer
from socketio_bridge.transports.handshake import read_handshake
from socketio_bridge.transports.origins import is_allowed, is_own, parse_origin

OWN = [
    # Origin, Host, X-Forwarded-Proto, the ASGI server's scheme
    ("https://h", "h", None, "wss"),
    ("http://h:8000", "h:8000", None, "ws"),
    ("wss://h", "h:443", None, "wss"),  # Starscream, in the iOS client for 2.x servers
    ("wss://h", "h:443", "https", "ws"),  # and behind a proxy that ends TLS
    ("wss://h", "h:443", None, "ws"),  # one that does not tell
    ("ws://h", "h:80", None, "ws"),
    ("ws://h:3000", "h:3000", None, "ws"),
    ("https://h:443", "h", "https", "ws"),  # React Native on Android
    ("http://h:80", "h", None, "ws"),
    ("https://h", "h:443", "https", "ws"),  # nginx: proxy_set_header Host $host:$server_port
    ("https://h", "h:80", "https", "ws"),  # the same in the second of two
    ("https://h", "h", "https, http", "ws"),  # two proxies, each of which tells
    ("https://h", "h", "https,http,http", "http"),
    ("https://h", "h", "wss", "ws"),
    ("https://h", "h", "HTTPS", "ws"),
    ("https://Shop.Example", "shop.EXAMPLE", "https", "ws"),
    ("HTTPS://h", "h", "https", "ws"),
    ("https://h:8443", "h:8443", "https", "ws"),
    ("http://[::1]:8000", "[::1]:8000", None, "ws"),
    ("wss://[::1]", "[::1]:443", None, "wss"),
    ("https://h/", "h", "https", "ws"),
]
OTHERS = [
    ("https://evil.example", "h", "https", "ws"),
    ("http://h", "h", "https", "ws"),  # a page that came without TLS may have been written by anybody
    ("https://h", "h", None, "ws"),
    ("https://h", "h", "http, https", "ws"),
    ("https://h:8443", "h", "https", "ws"),
    ("https://h", "h:8443", "https", "ws"),
    ("http://h:443", "h:443", None, "ws"),
    ("https://h:80", "h:80", "https", "ws"),
    ("https://h.evil.example", "h", "https", "ws"),
    ("https://h@evil.example", "h", "https", "ws"),
    ("https://h/page", "h", "https", "ws"),
    ("null", "h", "https", "ws"),
    ("null", "null", None, "ws"),
    ("", "h", None, "ws"),
    ("", "", None, "ws"),
    ("h", "h", None, "ws"),
    ("http://[", "[", None, "ws"),
    ("https://h:port", "h:port", "https", "ws"),
    ("https://h", "", "https", "ws"),
    ("file://h", "h", "file", "ws"),
]  # fmt: skip


def headers_of(origin: str, host: str, proto: str | None) -> dict[str, str]:
    return {"origin": origin, "host": host} | ({} if proto is None else {"x-forwarded-proto": proto})


@pytest.mark.parametrize(("origin", "host", "proto", "scheme"), OWN)
def test_the_servers_own_origin_is_known(origin: str, host: str, proto: str | None, scheme: str) -> None:
    assert is_own(origin, headers_of(origin, host, proto), scheme)


@pytest.mark.parametrize(("origin", "host", "proto", "scheme"), OTHERS)
def test_another_origin_is_known_for_another(origin: str, host: str, proto: str | None, scheme: str) -> None:
    assert not is_own(origin, headers_of(origin, host, proto), scheme)


@pytest.mark.parametrize(("origin", "host", "proto", "scheme"), [*OWN, *OTHERS])
async def test_clients_of_the_servers_own_origin_may_connect_and_others_may_not(
    origin: str, host: str, proto: str | None, scheme: str
) -> None:
    headers = [(name.encode(), value.encode()) for name, value in headers_of(origin, host, proto).items()]
    websocket = WebsocketCommunicator(
        SocketIOServer([Namespace()], options=Options()), "/socket.io/?EIO=4&transport=websocket", headers=headers
    )
    websocket.scope["scheme"] = scheme
    accepted, _ = await websocket.connect(1)
    assert accepted is ((origin, host, proto, scheme) in OWN)
    if accepted:
        await websocket.disconnect()


def test_of_repeated_headers_the_first_proxys_counts() -> None:
    headers = [
        (b"origin", b"https://h"),
        (b"host", b"h"),
        *((b"x-forwarded-proto", proto) for proto in (b"https", b"http")),
    ]
    assert not read_handshake({"path": "/", "scheme": "ws", "headers": headers}).xdomain


@pytest.mark.parametrize(
    "allowed", ["https://shop.example", "wss://shop.example", "https://Shop.Example:443", "https://shop.example/"]
)
@pytest.mark.parametrize("origin", ["https://shop.example", "wss://shop.example", "https://SHOP.example:443"])
def test_allowed_origins_are_compared_as_origins(allowed: str, origin: str) -> None:
    assert is_allowed(origin, (allowed,))
    for other in ("http://shop.example", "https://shop.example:8443", "https://a.shop.example", "null", "", "nonsense"):
        assert not is_allowed(other, (allowed, "nonsense"))


def test_any_origin_and_an_opaque_one_are_allowed_by_name() -> None:
    assert is_allowed("nonsense", ("*",))
    assert is_allowed("null", ("null",))
    assert is_allowed("capacitor://localhost", ("capacitor://localhost",))


def test_what_is_no_origin_is_said() -> None:
    with pytest.raises(ValueError, match="scheme and a host"):
        parse_origin("shop.example")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://one.shop.example", True),
        ("HTTPS://One.Shop.Example:443", True),
        ("wss://one.shop.example", True),
        ("http://one.shop.example", False),
        ("https://one.shop.example.evil.example", False),
        ("https://evil.example/https://one.shop.example", False),
        ("https://shop.example", False),
        ("https://one.shop.example:8443", False),
        ("nonsense", False),
    ],
)
def test_a_regular_expression_matches_an_origin_as_a_whole(origin: str, allowed: bool) -> None:
    assert is_allowed(origin, (), (r"https://\w+\.shop\.example", "nonsense")) is allowed

"""Whom a gap disconnects, and how fast all devices of a process are told."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from conversations.sockets.resyncing import SECOND_SHARE, Resyncing
from socketio_bridge import Outgoing, Socket
from socketio_bridge.handshake import Handshake
from tests.eventually import eventually

pytestmark = pytest.mark.usefixtures("chat")


class Device:
    """What a socket is to be told, in place of a client that gets it."""

    def __init__(self, query: dict[str, str], auth: dict[str, Any]) -> None:
        self.handshake = Handshake(query, auth, {}, "", datetime.now(UTC), False, False, "", {})
        self.told: list[str] = []

    async def emit(self, event: Outgoing[None]) -> None:
        self.told.append(event.name)

    def reconnect(self) -> None:
        self.told.append("reconnect")


async def tell(*devices: Device) -> float:
    """Have them told of a gap; the seconds that it took."""
    began = time.monotonic()
    resyncing = Resyncing()
    resyncing.noticed_gap(began - 1, lambda: [cast(Socket, device) for device in devices])
    await eventually(lambda: all(device.told for device in devices))
    resyncing.stop()
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("query", "auth", "closed_by"),
    [
        ({"EIO": "3"}, {}, ("eio3", "all")),
        ({}, {}, ("eio3", "all")),  # as the iOS client for 2.x
        ({"EIO": "3", "resync": "true"}, {}, ()),
        ({"EIO": "4"}, {}, ("all",)),
        ({"EIO": "4"}, {"resync": False}, ("all",)),
        ({"EIO": "4"}, {"resync": True}, ()),
    ],
    ids=str,
)
@pytest.mark.parametrize("closes", ["none", "eio3", "all"])
async def test_the_setting_says_whose_connection_ends(
    query: dict[str, str], auth: dict[str, Any], closed_by: tuple[str, ...], closes: str, settings: Any
) -> None:
    settings.RESYNC_CLOSES = closes
    device = Device(query, auth)
    await tell(device)
    assert device.told == ["reconnect" if closes in closed_by else "resync"]


async def test_many_are_told_over_some_seconds_each_once() -> None:
    devices = [Device({"EIO": "4"}, {}) for _ in range(2 * SECOND_SHARE)]
    assert 1.5 < await tell(*devices) < 10
    assert all(device.told == ["resync"] for device in devices)

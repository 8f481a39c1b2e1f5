"""What processes tell each other over the channel layer: emissions, many to an envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

GROUP = "socketio_bridge"
"""The channel-layer group of all hubs."""

MESSAGE_TYPE = "socketio.envelope"


class Emission(msgspec.Struct, array_like=True, gc=False):
    """One packet and whom it is for.

    `rooms` None means every socket of the namespace; sockets in a room of `except_` are left out. `packet` is
    Engine.IO's packet as it goes to clients: it is the same in all protocol versions, so it is encoded once, by the
    process that emits. `attachments` is the binary that follows it.
    """

    namespace: str
    rooms: list[str] | None
    except_: list[str]
    packet: str
    attachments: list[bytes] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Emission])


def seal(origin: str, emissions: list[Emission]) -> dict[str, Any]:
    """The channel-layer message that carries `emissions`; `origin` is the id of the hub that sends it."""
    return {"type": MESSAGE_TYPE, "origin": origin, "emissions": _encoder.encode(emissions)}


def unseal(message: Mapping[str, Any]) -> list[Emission]:
    """The emissions in a channel-layer message.

    Raises `msgspec.MsgspecError` or `KeyError` for what is no envelope of this version.
    """
    return _decoder.decode(message["emissions"])

"""What nodes tell each other over the channel layer: emissions, requests, responses; many to an envelope, in order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

import msgspec

from socketio_bridge.protocol import packet as packets
from socketio_bridge.protocol.engineio import PacketType

GROUP = "socketio_bridge"
"""The channel-layer group of all nodes; each also has one of its own, `node_group`."""

MESSAGE_TYPE = "socketio.envelope"
_MESSAGE = PacketType.MESSAGE.value


class Emission(msgspec.Struct, array_like=True, gc=False, tag=0):
    """One packet and whom it is for.

    `rooms` None means every socket of the namespace; sockets in a room of `except_` are left out. `packet` is
    Engine.IO's packet as it goes to clients: it is the same in all protocol versions, so it is encoded once, by the
    process that emits. `attachments` is the binary that follows it. `volatile`: sockets that are not ready for it do
    without. `sequence` numbers what a process emits, for recovery; 0: it is not kept. `pattern`: a regular expression
    and its flags, for all namespaces whose paths match as a whole; then `namespace` is empty, and `packet` addressed to
    none. Other versions of the bridge pass over what they have no such field for.
    """

    namespace: str
    rooms: list[str] | None
    except_: list[str]
    packet: str
    attachments: list[bytes] = []
    volatile: bool = False
    sequence: int = 0
    pattern: tuple[str, int] | None = None

    @classmethod
    def to(
        cls,
        namespace: str | re.Pattern[str],
        rooms: list[str] | None,
        except_: list[str],
        event: tuple[str, Sequence[Any]],
        *,
        volatile: bool = False,
    ) -> Emission:
        """An emission as applications name it: of an event with its arguments, to a namespace or to all that match.

        Raises as `packet.event`.
        """
        if isinstance(namespace, str):
            text, attachments = packets.event(namespace, *event)
            return cls(namespace, rooms, except_, _MESSAGE + text, attachments, volatile)
        text, attachments = packets.event("/", *event)
        matching = namespace.pattern, namespace.flags
        return cls("", rooms, except_, _MESSAGE + text, attachments, volatile, pattern=matching)

    def within(self, namespace: str) -> Emission | None:
        """Address the emission to one namespace; None: it is not for that."""
        if self.pattern is None:
            return self if self.namespace == namespace else None
        if re.compile(*self.pattern).fullmatch(namespace) is None:
            return None
        text = packets.addressed(self.packet, namespace)
        return msgspec.structs.replace(self, namespace=namespace, packet=text, pattern=None)

    @property
    def size(self) -> int:
        """Characters and bytes of the packet and its attachments."""
        return len(self.packet) + sum(map(len, self.attachments))


class Request(msgspec.Struct, array_like=True, gc=False, tag=1):
    """Something that a node asks of another; `id` None where it wants no answer. `body` is msgpack."""

    id: int | None
    kind: str
    body: msgspec.Raw

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(memoryview(self.body))


class Response(msgspec.Struct, array_like=True, gc=False, tag=2):
    """What a node answers to the request `id`; with an `error`, why it could not, and `body` says nothing."""

    id: int
    body: msgspec.Raw
    error: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(memoryview(self.body))


class Heartbeat(msgspec.Struct, array_like=True, gc=False, tag=3):
    """The node that sends this is there.

    `leaving`: it will be no more. `observer`: it only asks who is there.
    """

    leaving: bool = False
    observer: bool = False
    size: ClassVar[int] = 0


Message: TypeAlias = Emission | Request | Response | Heartbeat

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Message])


def node_group(node_id: str) -> str:
    """The channel-layer group that only the node of this id listens to."""
    return f"{GROUP}.{node_id}"


class Sealed(NamedTuple):
    """An envelope to all nodes or to one, as it arrives.

    Attributes:
        origin: The id of the node that sends it, or of the process where that has none.
        number: Counts the envelopes that the node sends to all others: who misses one has a gap.
        after: In an envelope to one node: the number of the last one to all.
        at: The instant at which its first message was put in, by the clock (`time.monotonic()`) of the node.
        messages: The encoded messages.
    """

    origin: str
    number: int | None
    after: int | None
    at: float
    messages: bytes


def pack(messages: Sequence[Message]) -> bytes:
    """Encode messages."""
    return _encoder.encode(messages)


def unpack(messages: bytes | msgspec.Raw) -> list[Message]:
    """Decode messages. Raises `msgspec.MsgspecError` for what is not of this version."""
    return _decoder.decode(messages)


def seal(
    origin: str, messages: bytes, *, number: int | None = None, after: int | None = None, at: float = 0.0
) -> dict[str, Any]:
    """The channel-layer message of a `Sealed`."""
    envelope = {"type": MESSAGE_TYPE, "origin": origin, "messages": messages, "at": at}
    if number is not None:
        envelope["number"] = number
    if after is not None:
        envelope["after"] = after
    return envelope


def unseal(envelope: Mapping[str, Any]) -> Sealed | None:
    """The envelope in a channel-layer message; None: it is none."""
    origin, messages = envelope.get("origin"), envelope.get("messages")
    if envelope.get("type") != MESSAGE_TYPE or not isinstance(origin, str) or not isinstance(messages, bytes):
        return None
    return Sealed(origin, envelope.get("number"), envelope.get("after"), envelope.get("at", 0.0), messages)

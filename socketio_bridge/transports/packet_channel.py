"""A session's packets by a `FrameChannel`: read and written in the turn of the event loop in which they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import Packet, Revision
from socketio_bridge.protocol.payload import Frame, decode_packet, encode_packet
from socketio_bridge.transports.interfaces import AnySession, FrameChannel


class ClientLeft(Exception):
    """The WebSocket has ended, with that close code."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(code)
        self.code = code


class MessageTooLarge(ProtocolError):
    """A message is larger than `max_payload`, and the ASGI server has let it through."""


def read_packet(frame: Frame, revision: Revision, largest: int) -> Packet:
    """Decode the packet in a message of a WebSocket.

    Args:
        frame: The message.
        revision: The protocol, 3 or 4.
        largest: How many bytes the message may have.

    Raises:
        MessageTooLarge: It has more.
        ProtocolError: It is no packet.
    """
    # A character takes up to four bytes; only where it may matter are they counted.
    size = len(frame)
    if isinstance(frame, str) and largest < 4 * size:
        size = len(frame.encode(errors="surrogatepass"))
    if size > largest:
        raise MessageTooLarge(f"a message of {size} bytes; max_payload is {largest}")
    return decode_packet(frame, revision)


class PacketChannel:
    """Both ways of one WebSocket.

    Args:
        channel: The WebSocket.
        revision: The protocol, 3 or 4.
        base64: Whether the client cannot take binary.
        largest: How many bytes a message may have.

    Attributes:
        on_writing_resumed: Called when `writing_paused` is false again.
    """

    def __init__(self, channel: FrameChannel, revision: Revision, *, base64: bool, largest: int) -> None:
        self._channel = channel
        self._revision = revision
        self._base64 = base64
        self._largest = largest
        self._session: AnySession
        self._stop: asyncio.Future[None]  # the session is congested; or, as its exception, all has come
        self.on_writing_resumed: Callable[[], None] = lambda: None

    @property
    def writing_paused(self) -> bool:
        """Whether the client does not take what was written before."""
        return self._channel.writing_paused

    def write(self, packets: Sequence[Packet]) -> None:
        """Write each packet as a frame, all of them at once."""
        self._channel.write(
            [
                packet if isinstance(packet, str) else encode_packet(packet, self._revision, base64=self._base64)
                for packet in packets
            ]
        )

    async def receive_all(self, session: AnySession) -> None:
        """Have the session take what the client sends, no more than it can take.

        Raises:
            ClientLeft: The WebSocket has ended.
            ProtocolError: The client broke the protocol.
        """
        loop = asyncio.get_running_loop()
        self._session, self._stop = session, loop.create_future()
        self._channel.begin(self)
        while True:
            await self._stop
            self._stop = loop.create_future()
            await session.relieved()
            self._channel.go_on()

    # What the channel calls.

    def receive(self, frame: Frame) -> bool:
        """Have the session take a message; False: it is congested."""
        try:
            self._session.receive(read_packet(frame, self._revision, self._largest))
        except Exception as error:  # of one client must not reach the server's own protocol
            self._end(error)
            return False
        if not self._session.congested:
            return True
        if not self._stop.done():
            self._stop.set_result(None)
        return False

    def disconnected(self, code: int | None) -> None:
        """The WebSocket has ended."""
        self._end(ClientLeft(code))

    def writing_resumed(self) -> None:
        """The client takes what is written again."""
        self.on_writing_resumed()

    def _end(self, error: Exception) -> None:
        if not self._stop.done():
            self._stop.set_exception(error)

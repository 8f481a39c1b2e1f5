"""A WebSocket protocol for uvicorn that hands messages to the bridge at once, and takes many in one write.

ASGI carries each message as a dictionary, through a queue, to a task that waits for it, and each packet back through a
coroutine. That is a third of what it costs to relay an event. This class does all that uvicorn's own does, and offers
the application a `FrameChannel` besides. By that go whole, unfragmented messages. The handshake, control frames,
fragments, and whatever breaks RFC 6455 are the websockets library's in either way; compressed connections have no
channel.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from typing import Any, cast

from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C, where websockets has that
from websockets.protocol import OPEN

from socketio_bridge.protocol.payload import Frame
from socketio_bridge.transports.interfaces import FRAME_CHANNEL, TURN, FrameReceiver

_TEXT, _BINARY = 0x81, 0x82  # the first byte of a message in one frame, without extensions (RFC 6455, section 5.2)


class _Handover(asyncio.Queue[ASGIReceiveEvent]):
    """In place of uvicorn's queue: what comes in by its own ways goes to the channel's receiver."""

    def __init__(self, protocol: FrameProtocol) -> None:
        super().__init__()
        self._protocol = protocol

    def put_nowait(self, item: ASGIReceiveEvent) -> None:
        """Hand it over."""
        self._protocol.hand_over(item)


class FrameProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection, and its `FrameChannel`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.writing_paused = False
        self._offered = False
        self._receiver: FrameReceiver | None = None
        self._unread = bytearray()  # the beginning of a frame, or frames that have not their turn yet
        self._needed = 2  # as many bytes of that are worth a look
        self._fragments = bytearray()  # of a message
        self._held = False  # by the receiver
        self._turn: asyncio.Handle | None = None  # of frames that came with many others
        self._end: ASGIReceiveEvent | None = None  # the connection has ended behind what is unread

    def handle_connect(self, event: Any) -> None:
        """Begin the application, which finds the channel in its scope."""
        super().handle_connect(event)
        if self.response.status_code == 101 and not self.conn.extensions:
            self._offered = True
            cast(dict[str, Any], self.scope["extensions"])[FRAME_CHANNEL] = self

    def data_received(self, data: bytes) -> None:
        """Take the handshake, or frames."""
        if not self._offered:
            super().data_received(data)
        elif self.transport.is_closing():
            return
        elif self._unread:
            self._unread += data
            if len(self._unread) >= self._needed and not self._waits:
                self._take_unread()
        else:
            self._take(data)

    async def receive(self) -> ASGIReceiveEvent:
        """Give the application the next message; only then are the frames behind it looked at."""
        message = await super().receive()
        if self._waits:
            self._pace()
        elif self._unread:
            self._take_unread()
        return message

    def handle_cont(self, event: Any) -> None:
        """Add a fragment to its message. uvicorn 0.54 keeps each by itself, and of empty ones any number."""
        if self.frames:
            self._fragments = bytearray(self.frames.pop())  # the first one
        self._fragments += event.data
        if event.fin:
            self.frames, self._fragments = [bytes(self._fragments)], bytearray()
            self.send_receive_event_to_app()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application."""
        super().connection_lost(exc)
        self.writing_paused = False

    def pause_writing(self) -> None:
        """The client does not take what was written."""
        super().pause_writing()
        self.writing_paused = True

    def resume_writing(self) -> None:
        """It has taken most of it."""
        super().resume_writing()
        self.writing_paused = False
        if self._receiver is not None:
            self._receiver.writing_resumed()

    # The channel.

    def begin(self, receiver: FrameReceiver) -> None:
        """Hand all messages to `receiver` from now on, those first that ASGI's `receive` has not returned yet."""
        self._receiver = receiver
        if self.transport.is_closing():
            self._unread.clear()  # or it would come behind the end
        before, self.queue = self.queue, _Handover(self)
        while not before.empty():
            self.hand_over(before.get_nowait())
        if self._turn is None:
            self._take_unread()

    def write(self, frames: Sequence[Frame]) -> None:
        """Send messages, in order with those that ASGI's `send` sends; where the connection has ended, nothing."""
        if not (self.close_sent or self.transport.is_closing()):
            self.transport.write(b"".join([_encoded(frame) for frame in frames]))

    def go_on(self) -> None:
        """Hand over what was held back."""
        self._held = False
        if self._turn is None:
            self._take_unread()

    def hand_over(self, item: ASGIReceiveEvent) -> None:
        """Give the receiver what came in another way: a message in fragments, or the end."""
        receiver = cast(FrameReceiver, self._receiver)
        if item["type"] == "websocket.receive":
            text = item.get("text")
            self._held |= not receiver.receive(item.get("bytes") or b"" if text is None else text)
        elif item["type"] == "websocket.disconnect":
            self._end = item
            self._tell_end()

    def abort(self) -> None:
        """End the connection at once, whatever the client has not taken."""
        self.transport.abort()

    @property
    def _waits(self) -> bool:
        """Whether what is unread has to wait; the client's answer to a close is read at once."""
        if self._turn is not None:
            return True
        held = self._held if self._receiver is not None else not self.queue.empty()
        return held and not self.close_sent

    def _tell_end(self) -> None:
        """Tell the receiver of the end, once it has what came before that."""
        if self._end is not None and self._receiver is not None and not self._waits:
            end, self._end = self._end, None
            self._receiver.disconnected(cast(int | None, end.get("code")))

    def _takes_at_once(self) -> bool:
        """Whether a message in one frame may pass by the websockets library."""
        conn = self.conn
        return (
            self._receiver is not None
            and conn.state is OPEN
            and conn.current_size is None  # no message in fragments is under way
            and not self.close_sent
        )

    def _take_unread(self) -> None:
        data, self._unread = self._unread, bytearray()
        self._take(data)

    def _next_turn(self) -> None:
        self._turn = None
        if not self._waits:
            self._take_unread()

    def _take(self, data: bytes | bytearray) -> None:
        """Take the whole frames of `data`, TURN of them at most, and keep the rest."""
        position, size, left = 0, len(data), TURN
        at_once = self._takes_at_once()
        self._needed = 2
        while size - position >= 2 and not self._waits:
            body, end = self._bounds(data, position)
            if end > size:
                self._needed = end - position
                break
            if not (at_once and self._take_message(data, position, body, end)):
                if not self.transport.is_closing():  # there, uvloop raises where a ping is answered
                    super().data_received(bytes(data[position:end]))
                if self.transport.is_closing():
                    end = size
                at_once = self._takes_at_once()
            position = end
            left -= 1
            if not left:
                self._turn = self.loop.call_soon(self._next_turn)
        if isinstance(data, bytearray):
            del data[:position]  # which does not copy the rest, as each turn would
            self._unread = data
        elif position < size:
            self._unread = bytearray(data[position:])
        self._pace()
        self._tell_end()

    def _bounds(self, data: bytes | bytearray, position: int) -> tuple[int, int]:
        """Where the body of the frame at `position` begins, and where it ends, or how much is needed to know.

        A frame that ends the connection, as it has no mask or is too large, begins at 0 and ends with all that came.
        """
        second = data[position + 1]
        length, body = second & 0x7F, position + 6  # behind two bytes and the mask
        if length >= 126:
            body += 2 if length == 126 else 8
            if body > len(data):
                return body, body
            length = int.from_bytes(data[position + 2 : body - 4], "big")
        if second < 0x80 or length > self.config.ws_max_size:
            return 0, len(data)
        return body, body + length

    def _take_message(self, data: bytes | bytearray, position: int, body: int, end: int) -> bool:
        """Hand a message over that is one frame. False: the frame is something else."""
        kind = data[position]
        if not body or (kind != _TEXT and kind != _BINARY):
            return False
        message: Frame = apply_mask(data[body:end], data[body - 4 : body])
        if kind == _TEXT:
            try:
                message = cast(bytes, message).decode()
            except UnicodeDecodeError:
                return False
        self._held = not cast(FrameReceiver, self._receiver).receive(message)
        return True

    def _pace(self) -> None:
        """Read from the socket, or do not."""
        if self.read_paused is not self._waits:
            self.read_paused = self._waits
            if self.read_paused:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()


def _encoded(frame: Frame) -> bytes:
    """A message as one frame (RFC 6455, section 5.2); a server's has no mask."""
    if isinstance(frame, str):
        kind, body = _TEXT, frame.encode()
    else:
        kind, body = _BINARY, frame
    size = len(body)
    if size < 126:
        return bytes((kind, size)) + body
    if size < 65536:
        return struct.pack("!BBH", kind, 126, size) + body
    return struct.pack("!BBQ", kind, 127, size) + body

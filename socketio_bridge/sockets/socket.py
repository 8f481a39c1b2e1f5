"""A client in a namespace, as handlers see it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, TypeVar, overload

from socketio_bridge.adapter.broadcast_options import names
from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.events.outgoing import Outgoing, name_and_arguments
from socketio_bridge.exceptions import AckTimeout, ConnectionRefused, TryAgainLater
from socketio_bridge.handshake import Handshake
from socketio_bridge.instrumentation import instrumentation
from socketio_bridge.options import TransportName
from socketio_bridge.protocol import packet
from socketio_bridge.protocol.engineio import PacketType
from socketio_bridge.protocol.socketio import EventReceived
from socketio_bridge.sockets.awaited import Awaited
from socketio_bridge.sockets.current import runs_for
from socketio_bridge.sockets.event_queue import Arrival, Departure, EventQueue, Occasion, Upgraded, ends_task
from socketio_bridge.sockets.interfaces import Connection, Handlers, Restored, SocketHooks, SocketOwner

logger = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

NO_ACK = object()
"""What `Namespace.on_error` returns to send no acknowledgement."""


class _Left(Exception):
    """The client left before the connect handler saw it."""


class Socket:
    """A client in a namespace.

        @event("follow")
        async def follow(self, socket: Socket, order_id: int) -> None:
            socket.data.last_order = order_id
            await socket.enter_room(f"order:{order_id}")

    The bridge makes sockets and hands them to handlers. The connect, event and disconnect handlers of a socket run one
    at a time, in the order in which the client caused them; `event` says how an event's handler is an exception.

    Attributes:
        id: The socket's id, unique over all processes. It is also a room that this socket alone is in.
        namespace: The path of its namespace.
        handshake: The request that opened the connection.
        data: A namespace for what the application knows of the client.
        user: The Django user that the client speaks for, by whom guards of events decide. At first that of the
            handshake; where clients have tokens, `on_connect` and `on_recover` set it.
        rooms: The rooms that it is in, among them the one of its id, which it cannot leave. Change them by
            `enter_room` and `leave_room`.
        connected: Whether it is in its namespace: true from `on_connect` on, until the client leaves.
        recovered: Whether the client was cut off and came back as the socket that it was (Socket.IO's connection state
            recovery).
    """

    __slots__ = (
        "_awaited",
        "_client",
        "_connection",
        "_early",
        "_event_queue",
        "_goodbyes",
        "_handlers",
        "_hanging_up",
        "_held",
        "_hooks",
        "_leaving",
        "connected",
        "data",
        "departed",
        "extension_state",
        "handshake",
        "id",
        "namespace",
        "pid",
        "recovered",
        "rooms",
        "user",
    )

    def __init__(
        self,
        socket_id: str,
        namespace: str,
        handlers: Handlers[Socket],
        client: SocketOwner[Socket],
        connection: Connection,
        handshake: Handshake,
        hooks: SocketHooks[Socket] | None = None,
    ) -> None:
        self.id = socket_id
        self.namespace = namespace
        self.handshake = handshake
        self.data = SimpleNamespace()
        self.user: Any = handshake.user
        self.rooms = {socket_id}
        self.connected = False
        self.recovered = False
        self.departed = False
        self.pid: str | None = None  # Socket.IO's "private id", by which only its client knows it
        self.extension_state: Any = None
        self._handlers = handlers
        self._client = client
        self._connection = connection
        self._hooks = hooks
        self._event_queue = EventQueue(self._handle, handlers.may_overlap, handlers.is_volatile)
        self._leaving = False  # put out,
        self._hanging_up = False  # and its whole connection closed,
        self._goodbyes: set[asyncio.Task[Any]] = set()  # by these handlers, whose answers go out first
        # Packets for a client that has not been let in yet.
        self._early: list[tuple[str, Sequence[bytes]]] | None = []
        self._held = 0  # size of those, and of what an extension holds back
        self._awaited = Awaited(connection)

    def __repr__(self) -> str:
        return f"<Socket {self.id} in {self.namespace}>"

    @property
    def transport(self) -> TransportName:
        """How packets travel now, "polling" or "websocket"; `Namespace.on_upgrade` tells of the change."""
        return self._connection.transport

    @property
    def close_code(self) -> int | None:
        """The close code by which the client ended its WebSocket (RFC 6455, section 7.4), once it has.

        1000 and 1001: it left, or its page did; 1005: it gave none; 1006: the connection broke. None: the connection
        lives, was ended by the server, or was long-polling.
        """
        return self._connection.close_code

    @property
    def ready(self) -> bool:
        """Whether the client is there to take what is sent now: a volatile event is for those that are."""
        return self._early is None and self.connected and self._connection.ready

    async def emit(self, event: str | Outgoing[Any], *arguments: Any, volatile: bool = False) -> None:
        """Send an event to this client. When the client is gone, nothing happens.

        Args:
            event: The event's name, or a declared event with its arguments, as for `socketio_bridge.emit`.
            arguments: As for `socketio_bridge.emit`.
            volatile: Whether to drop the event when the client is not ready for it, as for `socketio_bridge.emit`.

        Raises:
            ValueError: The event's name is reserved.
            TypeError: JSON cannot hold an argument.
        """
        text, attachments = packet.event(
            self.namespace, *name_and_arguments(event, arguments, self.namespace, [self.id])
        )
        if self._hooks is not None:
            self._hooks.emit(self, PacketType.MESSAGE + text, attachments, volatile=volatile)
        elif self.ready or not (volatile or self.departed):
            self.send_packet(PacketType.MESSAGE + text, attachments)

    @overload
    async def call(self, event: Outgoing[_Answer], *, timeout: float) -> _Answer: ...  # noqa: ASYNC109

    @overload
    async def call(self, event: str, *arguments: Any, timeout: float) -> list[Any]: ...  # noqa: ASYNC109

    async def call(
        self,
        event: str | Outgoing[Any],
        *arguments: Any,
        timeout: float,  # noqa: ASYNC109 - Socket.IO's name
    ) -> Any:
        """Send an event to this client and wait for its acknowledgement.

            [sure] = await socket.call("are_you_sure", timeout=30)

        Args:
            event: The event's name, or a declared event with its arguments, as for `socketio_bridge.emit`.
            arguments: As for `socketio_bridge.emit`.
            timeout: Seconds to wait.

        Returns:
            The acknowledgement's arguments; of a declared event the acknowledgement, as it declares it.

        Raises:
            AckTimeout: None came in time, or the client left.
            InvalidAck: It does not fit what the event declares.
            RuntimeError: It was called in `on_connect` or `on_recover`: the client learns that it is in, and can
                acknowledge, only when these have returned.
        """
        name, values = name_and_arguments(event, arguments, self.namespace, [self.id])
        self._let_in_for(name)
        answer = self.request_ack(*packet.event_around_id(self.namespace, name, values))
        try:
            async with asyncio.timeout(timeout):
                acknowledged = await answer
        except TimeoutError:
            raise AckTimeout(f"{self!r} did not acknowledge {name!r} within {timeout} s") from None
        return acknowledged if isinstance(event, str) else event.event.answer(acknowledged)

    async def wait_for(self, event: str, *, timeout: float) -> list[Any]:  # noqa: ASYNC109 - as for `call`
        """Wait for the next event of a name from this client (`once` of Socket.IO's sockets).

            await socket.emit("choose", options)
            [choice] = await socket.wait_for("chosen", timeout=60)

        The event is taken when it arrives, so that a handler can wait for it behind which it would have to wait. Its
        own handler runs as well, in its turn; where there is none, the event is acknowledged without arguments. Guards
        and event middleware stand around handlers: they do not run for what is taken here.

        Args:
            event: The event's name.
            timeout: Seconds to wait.

        Returns:
            The event's arguments, as plain Python values. Several waits for one name all get the same event.

        Raises:
            TimeoutError: None came in time, or the client left.
            RuntimeError: It was called in `on_connect` or `on_recover`: a client can emit only when these have
                returned.
        """
        self._let_in_for(event)
        answer = self._awaited.event(event)
        if self.departed:
            self._awaited.fail(f"{self!r} has left")
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            if answer.cancelled():
                raise TimeoutError(f"{self!r} did not emit {event!r} within {timeout} s") from None
            raise

    async def broadcast(
        self,
        event: str | Outgoing[Any],
        *arguments: Any,
        to: Iterable[str] | str | None = None,
        except_: Iterable[str] | str = (),
        local: bool = False,
        volatile: bool = False,
    ) -> None:
        """Send an event to the other sockets of this namespace, as `socketio_bridge.emit` does.

        Args:
            event: The event's name, or a declared event with its arguments, as for `socketio_bridge.emit`.
            arguments: As for `socketio_bridge.emit`.
            to: A room or several; None: the whole namespace.
            except_: A room or several whose sockets are left out, beside this socket.
            local: Whether to send to the sockets of this process only.
            volatile: Whether to leave out clients that are not ready.
        """
        rooms, left_out = None if to is None else names(to), [self.id, *names(except_)]
        named = name_and_arguments(event, arguments, self.namespace, rooms, left_out)
        emission = Emission.to(self.namespace, rooms, left_out, named, volatile=volatile)
        self._connection.adapter.emit(emission, local=local)

    async def enter_room(self, room: str) -> None:
        """Enter a room: what is emitted to it from now on, by any process, reaches this socket."""
        self.enter(room)

    async def leave_room(self, room: str) -> None:
        """Leave a room. A socket cannot leave the room of its own id."""
        self.leave(room)

    async def disconnect(self, *, close: bool = False) -> None:
        """Disconnect the client from this namespace.

        `on_disconnect` runs after the handlers of the events that came before. If one of this socket's own handlers
        calls this, the socket is disconnected when that handler has returned and its acknowledgement is sent.

        Args:
            close: Whether to disconnect the client from all its namespaces and to close its connection.
        """
        self.put_out(close=close)

    def reconnect(self) -> None:
        """End the client's connection so that the client connects again by itself, unless it is set not to.

        A client that is disconnected by `disconnect` does not. This ends the connection alone, without Socket.IO's
        DISCONNECT, which clients of all generations take for a break: the reason is "transport close" there, and "try
        again later" in `on_disconnect`.
        """
        self._connection.close("try again later")

    # What follows is for the bridge itself.

    @property
    def handlers(self) -> Handlers[Socket]:
        """The handlers of its namespace."""
        return self._handlers

    def enter(self, room: str) -> None:
        """`enter_room`."""
        self.rooms.add(room)
        self._connection.adapter.rooms(self.namespace).enter(self, room)
        self._changed()

    def leave(self, room: str) -> None:
        """`leave_room`."""
        if room == self.id:
            return
        self.rooms.discard(room)
        self._connection.adapter.rooms(self.namespace).leave(self, room)
        self._changed()

    def put_out(self, *, close: bool = False) -> None:
        """`disconnect`; a client whose connect handler runs is put out when it has been let in."""
        self._leaving = True
        self._hanging_up |= close
        task = asyncio.current_task()
        if task is not None and self._event_queue.runs_in(task):
            self._goodbyes.add(task)
        elif self._early is None:
            self._leave_if_asked()

    def send_packet(self, text: str, attachments: Sequence[bytes] = ()) -> None:
        """Queue an encoded event and its binary; held back until the client has been let in."""
        if self._handlers.watches_outgoing:
            self._handlers.sends(self, text, attachments)
        if self._early is None:
            self._connection.send(text, attachments)
        else:
            self._early.append((text, attachments))
            self.hold(len(text) + sum(map(len, attachments)))

    def hold(self, size: int) -> None:
        """Note that so much more is held back for a client that is not in yet; what is too much ends its connection."""
        self._held += size
        limit = self._connection.options.outbound_limit // 2  # as much again may come while it is being sent
        if self._held > limit and not self.departed:
            logger.warning(
                "More than %d bytes wait for a client whose connect handler runs: its connection ends.", limit
            )
            self._early = []
            self._connection.close("connect timeout", abruptly=True)

    def request_ack(self, head: str, body: str, attachments: Sequence[bytes]) -> asyncio.Future[list[Any]]:
        """Send an event of `packet.event_around_id` and expect its acknowledgement; cancel the future to give it up."""
        ack_id, answer = self._awaited.ack()
        if self.departed:
            answer.set_exception(AckTimeout(f"{self!r} has left"))
            return answer
        self.send_packet(f"{PacketType.MESSAGE}{head}{ack_id}{body}", attachments)
        return answer

    def become(self, socket_id: str | None, rooms: Iterable[str]) -> None:
        """Take over the id and the rooms of the socket that the client had before; None: be a new one after all."""
        adapter = self._connection.adapter
        adapter.remove(self)
        self.id = secrets.token_urlsafe(15) if socket_id is None else socket_id
        self.rooms = {self.id, *rooms}
        self._early, self._held = [], 0
        if not self.departed:
            adapter.add(self)
            for room in self.rooms - {self.id}:
                adapter.rooms(self.namespace).enter(self, room)

    def abandon(self) -> None:
        """The client is known to be gone, though its connection does not show it."""
        self._connection.close("transport close", abruptly=True)

    def saved_data(self) -> Any:
        """What the namespace wants to have back when the client comes back."""
        return self._handlers.save(self)

    def arrive(self, before: Socket | None) -> None:
        """Run the connect handler, after those of the socket that left for this one."""
        self._connection.adapter.add(self)
        self._event_queue.put(Arrival(None if before is None else before._event_queue))  # noqa: SLF001  (of this class)

    def receive(self, event: EventReceived) -> None:
        """Run the handler of an event, after those of what came before; what waits for the event gets it now."""
        if self._awaited.emitted(event.event, event.arguments) and not self._handlers.handles(event.event):
            if event.ack_id is not None:
                self._client.acknowledge(self, event.ack_id, ())
            self._connection.handled(event)
        else:
            self._event_queue.put(event)

    def upgraded(self) -> None:
        """The connection has changed over to a WebSocket."""
        if self._handlers.watches_upgrade:
            self._event_queue.put(Upgraded())

    def acknowledged(self, ack_id: int, arguments: list[Any]) -> None:
        """Give an acknowledgement to the `call` that waits for it. One that nobody waits for is ignored."""
        self._awaited.acknowledged(ack_id, arguments)

    def depart(self, reason: str) -> None:
        """Leave all rooms at once and run the disconnect handler after the handlers that are still due."""
        self.connected = False
        self.departed = True
        self._connection.adapter.remove(self)
        self._awaited.fail(f"{self!r} has left: {reason}")
        self._event_queue.put(Departure(reason))

    async def finished(self) -> None:
        """Return when no handler of this socket is running or due."""
        await self._event_queue.finished()

    async def _handle(self, occasion: Occasion) -> None:
        if type(occasion) is EventReceived:
            if self._early is None:
                await self._answer(occasion)
            else:  # It was not let in; the client took the answer to an earlier request for the one to this.
                self._connection.handled(occasion)
        elif type(occasion) is Arrival:
            await self._connect(occasion.before)
        elif type(occasion) is Departure:
            await self._disconnect(occasion.reason)
            self._client.departed(self)
        elif self.connected:
            await self._handlers.on_upgrade(self)

    async def _connect(self, before: EventQueue | None) -> None:
        patience = self._connection.options.connect_timeout
        if before is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await before.finished()
        try:
            async with asyncio.timeout(patience):
                await self._let_in()
        except _Left:
            pass
        except ConnectionRefused as refusal:
            self._refuse(refusal)
        except TryAgainLater as refusal:
            self.connected = False
            self._client.put_off(self, refusal)
        except BaseException as error:
            if ends_task(error):
                raise
            logger.exception("A connect handler of %s failed, or took over %g s.", self.namespace, patience)
            self._refuse(ConnectionRefused("Internal Server Error"))
        else:
            self._client.accept(self)
            self._begin_sending()
            self._leave_if_asked()

    async def _let_in(self) -> None:
        """Run the connect middleware and handler, or that of a client that comes back."""
        runs_for(self, "connect")
        restored: Restored | None = None if self._hooks is None else await self._hooks.restore(self)
        if restored is not None and not self.departed:
            self.recovered = self.connected = True
            await self._handlers.recover(self, restored.saved)
            return
        if not self.departed:
            await self._handlers.run_connect_middleware(self)
        if self.departed:
            raise _Left
        self.connected = True
        await self._handlers.on_connect(self)

    def _refuse(self, refusal: ConnectionRefused) -> None:
        self.connected = False
        self._client.refuse(self, refusal)

    def _begin_sending(self) -> None:
        early, self._early = self._early or [], None
        if self.recovered and self._hooks is not None:
            self._hooks.resume(self)
        if self.connected:
            for text, attachments in early:
                self._connection.send(text, attachments)

    def _let_in_for(self, event: str) -> None:
        if self._early is not None and not self.departed and self._event_queue.runs_in(asyncio.current_task()):
            raise RuntimeError(f"{self!r} cannot answer {event!r} before it is let in: ask in a task of its own")

    def _changed(self) -> None:
        if self._hooks is not None:
            self._hooks.changed(self)

    async def _answer(self, event: EventReceived) -> None:
        runs_for(self, event.event, event.arguments, event.received_at)
        try:
            answer = await self._handlers.dispatch(self, event.event, event.arguments)
            if event.ack_id is not None and answer is not NO_ACK:
                values = answer if isinstance(answer, tuple) else () if answer is None else (answer,)
                self._client.acknowledge(self, event.ack_id, values)
        except Exception:
            logger.exception("Handling %r from %r failed.", event.event, self)
        finally:
            instrumentation().event_answered(time.monotonic() - event.received_at)
            self._connection.handled(event)
            if self._hooks is not None:
                self._hooks.handled(self)
            self._leave_if_asked()

    def _leave_if_asked(self) -> None:
        if self._goodbyes and (task := asyncio.current_task()) is not None:
            self._goodbyes.discard(task)
        if self._leaving and not self._goodbyes:
            self._leaving = False
            if self._hanging_up:
                self._client.disconnect()
            else:
                self._client.disconnect_socket(self)

    async def _disconnect(self, reason: str) -> None:
        if self._early is not None:
            return  # It was never let in.
        runs_for(self, "disconnect")
        try:
            await self._handlers.on_disconnect(self, reason)
        except BaseException as error:
            if ends_task(error):
                raise
            logger.exception("The disconnect handler of %s failed.", self.namespace)

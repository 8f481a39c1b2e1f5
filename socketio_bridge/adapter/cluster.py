"""The nodes of all processes: which there are, and requests and responses between them.

Nodes send heartbeats when they start, each second after, and a last one when they stop. One that has not been heard of
for a while is taken for dead, and what it was asked fails. Envelopes and the channel layer are
`socketio_bridge.adapter.adapter`'s.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, cast

import msgspec

from socketio_bridge.adapter.envelope import Heartbeat, Message, Request, Response
from socketio_bridge.exceptions import ClusterError, NodeGone, RequestFailed, RequestTimeout
from socketio_bridge.outages import OUTAGE

logger = logging.getLogger(__name__)

HEARTBEAT = 1.0
"""Seconds between heartbeats."""
EXPIRY = 5.0
"""Seconds of silence after which a node is taken for dead."""
_JOIN_TIME = 0.5  # seconds within which others answer the first heartbeat of a new node; the layer takes 0.1 to listen

Handler = Callable[[str, Any], Any]
"""Takes the asking node's id and the request's body; gives back the answer's body, or an awaitable of it."""


class Responses(NamedTuple):
    """What came of a request to all other nodes: answers by node id, and why others did not answer."""

    received: dict[str, Any]
    failed: dict[str, ClusterError]


class Cluster:
    """One node's view of the others.

    Bodies of requests are Structs, or what msgpack holds by itself: None, numbers, strings, bytes, lists and dicts.
    Those of responses arrive as the latter.

    Args:
        node_id: this node's.
        send: puts a message into the next envelope, for all nodes or for one.
        alone: whether there is no channel layer, and so no other node.
        observer: whether this node asks the others, and is not asked by them.
    """

    def __init__(
        self, node_id: str, send: Callable[[Message, str | None], None], *, alone: bool, observer: bool = False
    ) -> None:
        self.node_id = node_id
        self._send = send
        self._alone = alone
        self._observer = observer
        self._heard: dict[str, float] = {}  # when each other node was last heard of, in the loop's time
        self.on_heartbeat: Callable[[], None] | None = None  # called before each heartbeat of this node
        self._handlers: dict[str, tuple[Handler, msgspec.msgpack.Decoder[Any]]] = {}
        self._ids = itertools.count()
        self._pending: dict[tuple[int, str], asyncio.Future[Any]] = {}  # by request and node; failures are results
        self._responding: set[asyncio.Task[None]] = set()
        self._joined = asyncio.Event()  # set once this node knows the nodes that were there before it
        self._joined.set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # when the timer should go off
        self._heard_at = 0.0  # when any other node was last heard of, or this one joined, in the loop's time

    @property
    def nodes(self) -> frozenset[str]:
        """The ids of the other nodes, as far as this one knows."""
        return frozenset(self._heard)

    @property
    def silence(self) -> float:
        """Seconds since another node was last heard of, or this one joined; 0 while it knows of some, or has not."""
        if self._heard or self._timer is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._heard_at

    def on_request(self, kind: str, handler: Handler, *, takes: Any = Any) -> None:
        """Have `handler` answer requests of a kind, whose bodies are of the type `takes`.

        It is called in the order in which a node asked; one that is `async` begins in that order, and runs beside
        others. What it raises reaches the asking node as `RequestFailed`.
        """
        self._handlers[kind] = handler, msgspec.msgpack.Decoder(takes)

    async def request(self, node_id: str, kind: str, body: Any = None, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Ask one node, which may be this one; its answer.

        Raises `NodeGone` when it is not there or ends before it answers (a death is noticed within seconds),
        `RequestTimeout` when it takes longer than `timeout` seconds (None: as long as it is there), `RequestFailed`
        when its handler raised.
        """
        encoded = _encode(body)
        if not self._knows(node_id):
            await self._joined.wait()
            if not self._knows(node_id):
                raise NodeGone(f"there is no node {node_id!r} to ask for {kind!r}")
        request = Request(next(self._ids), kind, encoded)
        answers = await self._gather([node_id], request, node_id, timeout)
        if node_id in answers.failed:
            raise answers.failed[node_id]
        return answers.received[node_id]

    async def request_all(self, kind: str, body: Any = None, timeout: float | None = None) -> Responses:  # noqa: ASYNC109
        """Ask all other nodes; what they answered, and why others did not, as `request` would raise it.

        The request travels in order with what this node emits.
        """
        encoded = _encode(body)
        await self._joined.wait()
        if not self._heard:
            return Responses({}, {})
        return await self._gather(list(self._heard), Request(next(self._ids), kind, encoded), None, timeout)

    def notify(self, node_id: str, kind: str, body: Any = None) -> None:
        """Ask one node, which may be this one, without wanting an answer, or to know whether it is there."""
        self._send_request(notification(kind, body), node_id)

    def notify_all(self, kind: str, body: Any = None) -> None:
        """Ask all other nodes without wanting answers, in order with what this node emits."""
        self._send_request(notification(kind, body), None)

    def forget(self, node_id: str, reason: str) -> None:
        """Take a node for gone: what it was asked fails. `reason` says how that is known."""
        self._heard.pop(node_id, None)
        for key in self._pending:
            if key[1] == node_id:
                self._settle(key, NodeGone(f"{node_id!r} does not answer: {reason}"))

    # What follows is for the node.

    def join(self) -> None:
        """Send heartbeats from now on."""
        if self._alone or self._timer is not None:
            return
        self._joined.clear()
        loop = asyncio.get_running_loop()
        loop.call_later(_JOIN_TIME, self._joined.set)
        self._due = self._heard_at = loop.time()
        self._send_heartbeat()

    def leave(self) -> None:
        """Take leave of the others."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._joined.set()
        for task in self._responding:
            task.cancel()
        for node_id in list(self._heard):
            self.forget(node_id, "this node has stopped")
        self._send(Heartbeat(leaving=True), None)

    def receive(self, origin: str, message: Request | Response | Heartbeat) -> None:
        """Take a message from the node `origin`."""
        if type(message) is Request:
            self._take_request(origin, message)
        elif type(message) is Response:
            self._settle((message.id, origin), _outcome(origin, message))
        elif type(message) is Heartbeat:
            self._take_heartbeat(origin, message)

    def _knows(self, node_id: str) -> bool:
        return node_id == self.node_id or node_id in self._heard

    async def _gather(self, node_ids: list[str], request: Request, to: str | None, within: float | None) -> Responses:
        loop = asyncio.get_running_loop()
        keys = [(cast(int, request.id), node_id) for node_id in node_ids]
        for key in keys:
            self._pending[key] = loop.create_future()
        try:
            self._send_request(request, to)
            await asyncio.wait([self._pending[key] for key in keys], timeout=within)
        finally:
            outcomes = {key[1]: self._pending.pop(key) for key in keys}
        answers = Responses({}, {})
        for node_id, outcome in outcomes.items():
            if not outcome.done():
                answers.failed[node_id] = RequestTimeout(
                    f"{node_id!r} did not answer {request.kind!r} within {within} s"
                )
            elif isinstance(result := outcome.result(), ClusterError):
                answers.failed[node_id] = result
            else:
                answers.received[node_id] = result
        return answers

    def _send_request(self, request: Request, node_id: str | None) -> None:
        if node_id == self.node_id:
            self._take_request(node_id, request)
        elif not self._alone:
            self._send(request, node_id)

    def _take_request(self, requester: str, request: Request) -> None:
        try:
            if request.kind not in self._handlers:
                raise LookupError(f"nothing here answers {request.kind!r}")
            handler, decoder = self._handlers[request.kind]
            answer = handler(requester, decoder.decode(request.body))
            if inspect.isawaitable(answer):
                task = asyncio.ensure_future(self._await_response(requester, request, answer))
                self._responding.add(task)
                task.add_done_callback(self._responding.discard)
            else:
                self._respond(requester, request, answer)
        except Exception as error:
            self._respond_with_error(requester, request, error)

    async def _await_response(self, requester: str, request: Request, answer: Awaitable[Any]) -> None:
        try:
            self._respond(requester, request, await answer)
        except Exception as error:
            self._respond_with_error(requester, request, error)

    def _respond(self, requester: str, request: Request, body: Any) -> None:
        if request.id is not None:
            self._reply(requester, Response(request.id, _encode(body)))

    def _respond_with_error(self, requester: str, request: Request, error: Exception) -> None:
        logger.error("A request of another process, %r, could not be answered.", request.kind, exc_info=error)
        if request.id is not None:
            self._reply(requester, Response(request.id, _encode(None), repr(error)))

    def _reply(self, requester: str, answer: Response) -> None:
        if requester == self.node_id:
            self.receive(requester, answer)
        else:
            self._send(answer, requester)

    def _settle(self, key: tuple[int, str], outcome: Any) -> None:
        future = self._pending.get(key)
        if future is not None and not future.done():
            future.set_result(outcome)

    def _take_heartbeat(self, origin: str, heartbeat: Heartbeat) -> None:
        if heartbeat.leaving:
            self.forget(origin, "it has stopped")
        elif self._timer is not None:
            if origin not in self._heard and not self._observer:
                self._send(Heartbeat(), origin)
            if not heartbeat.observer:
                self._heard[origin] = self._heard_at = asyncio.get_running_loop().time()

    def _send_heartbeat(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = now - self._due
        for node_id, heard in list(self._heard.items()):
            # While this loop stood still it could not hear the others, which is no fault of theirs.
            self._heard[node_id] = heard + late
            if now - heard - late > EXPIRY:
                level = logging.INFO if OUTAGE.ongoing else logging.WARNING
                logger.log(level, "The process of node %s was not heard of for %g s: taken for dead.", node_id, EXPIRY)
                self.forget(node_id, f"it was not heard of for {EXPIRY:g} s")
        if self.on_heartbeat is not None:
            self.on_heartbeat()
        self._send(Heartbeat(observer=self._observer), None)
        self._due = now + HEARTBEAT
        self._timer = loop.call_at(self._due, self._send_heartbeat)


def notification(kind: str, body: Any) -> Request:
    """A request that wants no answer."""
    return Request(None, kind, _encode(body))


def _encode(body: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(body))


def _outcome(node_id: str, answer: Response) -> Any:
    if answer.error is not None:
        return RequestFailed(f"{node_id!r} failed to answer: {answer.error}")
    return msgspec.msgpack.decode(answer.body)

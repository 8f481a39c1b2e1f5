"""What a socket waits for from its client: acknowledgements, by their ids, and events, by their names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from socketio_bridge.exceptions import AckTimeout
from socketio_bridge.sockets.interfaces import Connection

logger = logging.getLogger(__name__)

Answer: TypeAlias = asyncio.Future[list[Any]]
"""The arguments of an acknowledgement or an event, as plain values."""


class Awaited:
    """The answers that are due.

    Args:
        connection: The client's, which reads on while an answer is due (`Connection.expect_answer`).
    """

    __slots__ = ("_acks", "_connection", "_events", "_next_ack_id")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._acks: dict[int, Answer] = {}
        self._events: dict[str, set[Answer]] = {}
        self._next_ack_id = 0

    def ack(self) -> tuple[int, Answer]:
        """The id of an acknowledgement, and its arguments."""
        ack_id = self._next_ack_id
        self._next_ack_id += 1
        answer = self._acks[ack_id] = self._due()
        answer.add_done_callback(lambda _: self._acks.pop(ack_id, None))
        return ack_id, answer

    def event(self, name: str) -> Answer:
        """The arguments of the next event of that name."""
        answer = self._due()
        self._events.setdefault(name, set()).add(answer)
        answer.add_done_callback(lambda done: self._forget(name, done))
        return answer

    def acknowledged(self, ack_id: int, arguments: Sequence[Any]) -> None:
        """Give an acknowledgement to who waits for it."""
        if ack_id in self._acks:
            _give(arguments, [self._acks[ack_id]])

    def emitted(self, name: str, arguments: Sequence[Any]) -> bool:
        """Give an event to who waits for it; whether somebody does."""
        return name in self._events and _give(arguments, list(self._events[name]))

    def fail(self, why: str) -> None:
        """The client is gone: no answer comes any more."""
        for answer in list(self._acks.values()):
            if not answer.done():
                answer.set_exception(AckTimeout(why))
        for answer in [answer for waiting in self._events.values() for answer in waiting]:
            if not answer.done():
                answer.set_exception(TimeoutError(why))

    def _due(self) -> Answer:
        answer: Answer = asyncio.get_running_loop().create_future()
        self._connection.expect_answer()
        answer.add_done_callback(lambda _: self._connection.expect_answer(-1))
        return answer

    def _forget(self, name: str, answer: Answer) -> None:
        waiting = self._events[name]
        waiting.discard(answer)
        if not waiting:
            del self._events[name]


def _give(arguments: Sequence[Any], answers: Sequence[Answer]) -> bool:
    """Whether somebody still waits, and gets it. What Python cannot hold, such as the number 1e999, is ignored."""
    waiting = [answer for answer in answers if not answer.done()]
    if not waiting:
        return False
    try:
        values = [msgspec.json.decode(item) if type(item) is msgspec.Raw else item for item in arguments]
    except (msgspec.MsgspecError, RecursionError) as error:
        logger.info("Took an answer of a client for none: %s", error)
        return False
    for answer in waiting:
        answer.set_result(values)
    return True

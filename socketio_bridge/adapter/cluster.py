"""The hubs of all processes: which there are, and questions and answers between them.

Hubs greet each other when they start, each few seconds after, and when they stop; one that has not been heard of for
a while is taken for dead, and what it was asked fails. Envelopes and the channel layer are
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

from socketio_bridge.adapter.envelope import Answer, Hello, Message, Question
from socketio_bridge.exceptions import ClusterError, HubFailed, HubGone, HubTimeout

logger = logging.getLogger(__name__)

_HEARTBEAT = 1.0  # seconds between a hub's greetings
_EXPIRY = 5.0  # seconds of silence after which a hub is taken for dead
_ACQUAINTANCE = 0.5  # seconds within which others return a new hub's first greeting; the layer takes 0.1 to listen

Handler = Callable[[str, Any], Any]
"""Takes the asking hub's id and the question's body; gives back the answer's body, or an awaitable of it."""


class Answers(NamedTuple):
    """What came of a question to all other hubs: answers by hub id, and why others did not answer."""

    received: dict[str, Any]
    failed: dict[str, ClusterError]


class Cluster:
    """One hub's view of the others.

    Bodies of questions are Structs, or what msgpack holds by itself: None, numbers, strings, bytes, lists and dicts.
    Those of answers arrive as the latter.
    `send` is the hub's; `alone` says that there is no channel layer, and so nobody else. A hub that is `visiting` asks
    the others, and is not asked by them.
    """

    def __init__(
        self, hub_id: str, send: Callable[[Message, str | None], None], *, alone: bool, visiting: bool = False
    ) -> None:
        self.hub_id = hub_id
        self._send = send
        self._alone = alone
        self._visiting = visiting
        self._heard: dict[str, float] = {}  # when each other hub was last heard of, in the loop's time
        self._handlers: dict[str, tuple[Handler, msgspec.msgpack.Decoder[Any]]] = {}
        self._ids = itertools.count()
        self._asked: dict[tuple[int, str], asyncio.Future[Any]] = {}  # by question and hub; failures are results
        self._answering: set[asyncio.Task[None]] = set()
        self._acquainted = asyncio.Event()  # with the hubs that were there before this one
        self._acquainted.set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # when the timer should go off
        self._heard_at = 0.0  # when any other hub was last heard of, or this one joined, in the loop's time

    @property
    def hubs(self) -> frozenset[str]:
        """The ids of the other hubs, as far as this one knows."""
        return frozenset(self._heard)

    @property
    def silence(self) -> float:
        """Seconds since another hub was last heard of, or this one joined; 0 while it knows of some, or has not."""
        if self._heard or self._timer is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._heard_at

    def answer(self, kind: str, handler: Handler, *, takes: Any = Any) -> None:
        """Have `handler` answer questions of a kind, whose bodies are of the type `takes`.

        It is called in the order in which a hub asked; one that is `async` begins in that order, and runs beside
        others. What it raises reaches the asking hub as `HubFailed`.
        """
        self._handlers[kind] = handler, msgspec.msgpack.Decoder(takes)

    async def ask(self, hub_id: str, kind: str, body: Any = None, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Ask one hub, which may be this one; its answer.

        Raises `HubGone` when it is not there or ends before it answers (a death is noticed within seconds),
        `HubTimeout` when it takes longer than `timeout` seconds (None: as long as it is there), `HubFailed` when its
        handler raised.
        """
        encoded = _encode(body)
        if not self._knows(hub_id):
            await self._acquainted.wait()
            if not self._knows(hub_id):
                raise HubGone(f"there is no hub {hub_id!r} to ask for {kind!r}")
        question = Question(next(self._ids), kind, encoded)
        answers = await self._gather([hub_id], question, hub_id, timeout)
        if hub_id in answers.failed:
            raise answers.failed[hub_id]
        return answers.received[hub_id]

    async def ask_all(self, kind: str, body: Any = None, timeout: float | None = None) -> Answers:  # noqa: ASYNC109
        """Ask all other hubs; what they answered, and why others did not, as `ask` would raise it.

        The question travels in order with what this hub emits.
        """
        encoded = _encode(body)
        await self._acquainted.wait()
        if not self._heard:
            return Answers({}, {})
        return await self._gather(list(self._heard), Question(next(self._ids), kind, encoded), None, timeout)

    def tell(self, hub_id: str, kind: str, body: Any = None) -> None:
        """Ask one hub, which may be this one, without wanting an answer, or to know whether it is there."""
        self._pose(without_answer(kind, body), hub_id)

    def tell_all(self, kind: str, body: Any = None) -> None:
        """Ask all other hubs without wanting answers, in order with what this hub emits."""
        self._pose(without_answer(kind, body), None)

    # What follows is for the hub.

    def join(self) -> None:
        """Greet the others, now and regularly."""
        if self._alone or self._timer is not None:
            return
        self._acquainted.clear()
        loop = asyncio.get_running_loop()
        loop.call_later(_ACQUAINTANCE, self._acquainted.set)
        self._due = self._heard_at = loop.time()
        self._greet()

    def leave(self) -> None:
        """Take leave of the others."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._acquainted.set()
        for task in self._answering:
            task.cancel()
        for hub_id in list(self._heard):
            self._forget(hub_id, "this hub has stopped")
        if not self._visiting:
            self._send(Hello(leaving=True), None)

    def receive(self, origin: str, message: Question | Answer | Hello) -> None:
        """Take a message from the hub `origin`."""
        if type(message) is Question:
            self._take_question(origin, message)
        elif type(message) is Answer:
            self._settle((message.id, origin), _outcome(origin, message))
        elif type(message) is Hello:
            self._take_hello(origin, message)

    def _knows(self, hub_id: str) -> bool:
        return hub_id == self.hub_id or hub_id in self._heard

    async def _gather(self, hub_ids: list[str], question: Question, to: str | None, within: float | None) -> Answers:
        loop = asyncio.get_running_loop()
        keys = [(cast(int, question.id), hub_id) for hub_id in hub_ids]
        for key in keys:
            self._asked[key] = loop.create_future()
        try:
            self._pose(question, to)
            await asyncio.wait([self._asked[key] for key in keys], timeout=within)
        finally:
            outcomes = {key[1]: self._asked.pop(key) for key in keys}
        answers = Answers({}, {})
        for hub_id, outcome in outcomes.items():
            if not outcome.done():
                answers.failed[hub_id] = HubTimeout(f"{hub_id!r} did not answer {question.kind!r} within {within} s")
            elif isinstance(result := outcome.result(), ClusterError):
                answers.failed[hub_id] = result
            else:
                answers.received[hub_id] = result
        return answers

    def _pose(self, question: Question, hub_id: str | None) -> None:
        if hub_id == self.hub_id:
            self._take_question(hub_id, question)
        elif not self._alone:
            self._send(question, hub_id)

    def _take_question(self, asker: str, question: Question) -> None:
        try:
            if question.kind not in self._handlers:
                raise LookupError(f"nothing here answers {question.kind!r}")
            handler, decoder = self._handlers[question.kind]
            answer = handler(asker, decoder.decode(question.body))
            if inspect.isawaitable(answer):
                task = asyncio.ensure_future(self._await_answer(asker, question, answer))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            else:
                self._give_answer(asker, question, answer)
        except Exception as error:
            self._give_error(asker, question, error)

    async def _await_answer(self, asker: str, question: Question, answer: Awaitable[Any]) -> None:
        try:
            self._give_answer(asker, question, await answer)
        except Exception as error:
            self._give_error(asker, question, error)

    def _give_answer(self, asker: str, question: Question, body: Any) -> None:
        if question.id is not None:
            self._reply(asker, Answer(question.id, _encode(body)))

    def _give_error(self, asker: str, question: Question, error: Exception) -> None:
        logger.error("A question of another process, %r, could not be answered.", question.kind, exc_info=error)
        if question.id is not None:
            self._reply(asker, Answer(question.id, _encode(None), repr(error)))

    def _reply(self, asker: str, answer: Answer) -> None:
        if asker == self.hub_id:
            self.receive(asker, answer)
        else:
            self._send(answer, asker)

    def _settle(self, key: tuple[int, str], outcome: Any) -> None:
        future = self._asked.get(key)
        if future is not None and not future.done():
            future.set_result(outcome)

    def _take_hello(self, origin: str, hello: Hello) -> None:
        if hello.leaving:
            self._forget(origin, "it has stopped")
        elif self._timer is not None:
            if origin not in self._heard and not self._visiting:
                self._send(Hello(), origin)
            if not hello.visiting:
                self._heard[origin] = self._heard_at = asyncio.get_running_loop().time()

    def _forget(self, hub_id: str, reason: str) -> None:
        self._heard.pop(hub_id, None)
        for key in self._asked:
            if key[1] == hub_id:
                self._settle(key, HubGone(f"{hub_id!r} does not answer: {reason}"))

    def _greet(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = now - self._due
        for hub_id, heard in list(self._heard.items()):
            # While this loop stood still it could not hear the others, which is no fault of theirs.
            self._heard[hub_id] = heard + late
            if now - heard - late > _EXPIRY:
                logger.warning("The process of hub %s was not heard of for %g s: taken for dead.", hub_id, _EXPIRY)
                self._forget(hub_id, f"it was not heard of for {_EXPIRY:g} s")
        self._send(Hello(visiting=self._visiting), None)
        self._due = now + _HEARTBEAT
        self._timer = loop.call_at(self._due, self._greet)


def without_answer(kind: str, body: Any) -> Question:
    """A question that wants no answer."""
    return Question(None, kind, _encode(body))


def _encode(body: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(body))


def _outcome(hub_id: str, answer: Answer) -> Any:
    if answer.error is not None:
        return HubFailed(f"{hub_id!r} failed to answer: {answer.error}")
    return msgspec.msgpack.decode(answer.body)

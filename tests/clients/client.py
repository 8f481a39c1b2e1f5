"""One real Socket.IO client as a test sees it: what it sends, what it has received, what it waits for.

    async with Client(driver, version="2.3.1", url=server.url, namespace=CHAT, query=identity) as seller:
        seller.emit("typing", {...})
        message = await seller.expect("new_message", content="hello")
        answer = await seller.ask("new_message", {...})           # the ack's value

An event that was expected once is not expected again: `expect` takes the oldest one that fits and leaves the rest.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.eventually import eventually

from .driver import Driver, Report

GENERATIONS = ("2.3.1", "3.1.3", "4.8")
PATH = "/v1/conversations/sockets"
CHAT = "/v1/conversations/events"
WITHIN = 10.0  # seconds; generous, because a test machine stalls now and then, and no test waits for it to pass


Found = TypeVar("Found")


class Refused(Exception):
    """The server refused the namespace: CONNECT_ERROR (3.x, 4.x: message and data) or ERROR (2.x: message alone)."""

    def __init__(self, message: Any, data: Any) -> None:
        super().__init__(f"refused: {message!r}, data {data!r}")
        self.message = message
        self.data = data


class Unreachable(Exception):
    """The connection could not be opened at all."""


class NeverHappened(AssertionError):
    """What was waited for did not come; the message says what came instead."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event from the server."""

    name: str
    args: list[Any]

    @property
    def payload(self) -> Any:
        return self.args[0] if self.args else None

    def fits(self, name: str, fields: Mapping[str, Any]) -> bool:
        if self.name != name:
            return False
        payload = self.payload
        return not fields or (
            isinstance(payload, dict) and all(payload.get(field, ...) == value for field, value in fields.items())
        )


class Client:
    """A socket.io-client socket. Entering connects it and waits until it is connected; leaving disconnects it.

    `version`: one of GENERATIONS. `query`: on the Engine.IO URL, for 2.x in the CONNECT packet as well (the client does
    that itself). `auth`: the CONNECT payload of 3.x and 4.x. `options`: any other option of socket.io-client. `parser`:
    "msgpack", or "unknown" for one that no server has; None: the default one.
    `beside`: another client whose connection this namespace shares. `answers`: acks by event name, for events that the
    server emits with a callback. `answer_after`: seconds by event name that such an ack takes. Binary is `bytes`, both
    ways, anywhere in an argument. `patience`: seconds within which entering has to succeed. `listener`: gets
    every report of the driver as it comes. `keep_events`: whether events are kept, for `expect` and `received`.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        version: str,
        url: str = "",
        namespace: str = CHAT,
        path: str = PATH,
        query: Mapping[str, Any] | None = None,
        auth: Mapping[str, Any] | None = None,
        transports: tuple[str, ...] = ("websocket",),
        options: Mapping[str, Any] | None = None,
        parser: str | None = None,
        beside: "Client | None" = None,
        answers: Mapping[str, Any] | None = None,
        answer_after: Mapping[str, float] | None = None,
        patience: float = WITHIN,
        listener: Callable[[Report], None] = lambda report: None,
        keep_events: bool = True,
    ) -> None:
        self.version = version
        self.socket_id: str | None = None
        self.recovered = False  # by the last connect, as 4.8 says
        self.events: list[Event] = []  # everything received, in order, whether expected or not
        self._driver = driver
        self._patience = patience
        self._listener = listener
        self._keep_events = keep_events
        self._unexpected: list[Event] = []
        self._reports: list[Report] = []  # connect, disconnect, refused, unreachable, reconnect
        self._acks: dict[int, asyncio.Future[list[Any]]] = {}
        self._ack_numbers = itertools.count(1)
        self._failure = ""
        self._news = asyncio.Event()
        self.name = driver.add(self._receive)
        settings: dict[str, Any] = {"path": path, "transports": list(transports), "reconnection": False}
        if query is not None:
            settings["query"] = dict(query)
        if auth is not None:
            settings["auth"] = dict(auth)
        self._opening = {
            "version": version, "url": url, "namespace": namespace, "beside": beside and beside.name,
            "options": settings | dict(options or {}), "parser": parser, "answers": dict(answers or {}),
            "answerAfter": {event: seconds * 1000 for event, seconds in (answer_after or {}).items()},
        }  # fmt: skip

    async def __aenter__(self) -> Self:
        self.open()
        try:
            await self.connected(self._patience)
        except BaseException:
            self.leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def open(self) -> None:
        """Begin to connect, without waiting for it."""
        self._driver.tell(self.name, "open", **self._opening)

    def leave(self) -> None:
        """Disconnect, for good."""
        self._driver.tell(self.name, "forget")
        self._driver.remove(self.name)

    # What a client does

    def emit(self, event: str, *args: Any) -> None:
        """Send an event without a callback. Order is kept; nothing is waited for."""
        self._driver.tell(self.name, "emit", event=event, args=args)

    def ask_later(self, event: str, *args: Any) -> asyncio.Future[list[Any]]:
        """Send an event with a callback; the future has the ack's arguments."""
        number = next(self._ack_numbers)
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._acks[number] = future
        self._driver.tell(self.name, "emit", event=event, args=args, ack=number)
        return future

    async def ask(self, event: str, *args: Any, within: float = WITHIN) -> Any:
        """Send an event with a callback and return the ack's first argument. Raises NeverHappened without an ack."""
        try:
            answer = await asyncio.wait_for(self.ask_later(event, *args), within)
        except TimeoutError:
            raise NeverHappened(f"no ack for {event} within {within} s; {self._seen()}") from None
        return answer[0] if answer else None

    async def ask_within(self, timeout: float, event: str, *args: Any, within: float = WITHIN) -> Any:
        """Send an event with 4.x's own ack timeout, in seconds: the ack's first argument.

        Raises TimeoutError when the client itself says that no ack came.
        """
        number = next(self._ack_numbers)
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._acks[number] = future
        self._driver.tell(self.name, "emitWithin", event=event, args=args, ack=number, timeout=timeout * 1000)
        answer = (await asyncio.wait_for(future, within))[0]
        if isinstance(answer, dict) and "timedOut" in answer:
            raise TimeoutError(answer["timedOut"])
        return answer

    def stream(self, event: str, who: str, *, count: int, window: int, marks: Sequence[int]) -> None:
        """Send `event` with `who` and each number from 0 to `count`, `window` of them unanswered at a time; after a
        reconnect, what is unanswered once more.

        It waits for `go_on` when all before one of the `marks` are answered. What the server says in events `told` is
        kept for `streamed`.
        """
        self._driver.tell(self.name, "stream", event=event, who=who, count=count, window=window, marks=marks)

    async def marked(self, within: float) -> None:
        """Return when the stream has come to its next mark."""
        await self._life({"mark"}, within)

    def go_on(self) -> None:
        """Let the stream go on to its next mark, or its end."""
        self._driver.tell(self.name, "goOn")

    async def streamed(self, within: float) -> Report:
        """At the stream's end: the numbers that the client was `told`, and those that it had `sentAgain`."""
        return await self._life({"streamed"}, within)

    async def look(self) -> Report:
        """How the connection stands now: its `transport`, whether that is `jsonp`, Engine.IO `sessionId`, whether it is
        `connected`.
        """
        self._driver.tell(self.name, "look")
        return await self._life({"look"}, WITHIN)

    async def travels_by(self, transport: str) -> Report:
        """How the connection stands, once packets travel by that transport."""

        async def look() -> Report | None:
            report = await self.look()
            return report if report["transport"] == transport else None

        found: Report = await eventually(look, f"{transport} of this {self.version} client")
        return found

    def disconnect(self) -> None:
        self._driver.tell(self.name, "disconnect")

    def reconnect(self) -> None:
        """Connect again by hand; await `connected()` then."""
        self._driver.tell(self.name, "connect")

    def drop(self) -> None:
        """Lose the connection as a bad network would."""
        self._driver.tell(self.name, "drop")

    # What a client sees

    async def expect(self, event: str, /, within: float = WITHIN, **fields: Any) -> Any:
        """The payload of the oldest event of that name with these fields that was not expected yet.

        Raises NeverHappened after `within` seconds, saying what came instead. A field that is a Python keyword goes
        with a trailing underscore (`from_`).
        """
        wanted = {name.removesuffix("_"): value for name, value in fields.items()}

        def take() -> Event | None:
            for index, seen in enumerate(self._unexpected):
                if seen.fits(event, wanted):
                    return self._unexpected.pop(index)
            return None

        found = await self._until(take, f"{event} {wanted or ''}", within)
        return found.payload

    def received(self, event: str) -> list[Any]:
        """The payloads of all events of that name so far, expected or not, in the order received."""
        return [seen.payload for seen in self.events if seen.name == event]

    async def connected(self, within: float = WITHIN) -> None:
        """Return at the next connect. Raises Refused or Unreachable when that comes first."""
        report = await self._life({"connect", "refused", "unreachable"}, within)
        if report["kind"] == "refused":
            raise Refused(report["message"], report["data"])
        if report["kind"] == "unreachable":
            raise Unreachable(report["message"])

    async def disconnected(self, within: float = WITHIN) -> str:
        """The reason of the next disconnect, in the client's words (`io server disconnect`, `transport close`, …)."""
        reason: str = (await self._life({"disconnect"}, within))["reason"]
        return reason

    async def reconnected(self, within: float = WITHIN) -> None:
        """Return at the client's own `reconnect` event."""
        await self._life({"reconnect"}, within)

    async def _life(self, kinds: set[str], within: float) -> Report:
        def take() -> Report | None:
            for index, report in enumerate(self._reports):
                if report["kind"] in kinds:
                    return self._reports.pop(index)
            return None

        return await self._until(take, " or ".join(sorted(kinds)), within)

    async def _until(self, take: Callable[[], Found | None], what: str, within: float) -> Found:
        deadline = asyncio.get_running_loop().time() + within
        while True:
            self._news.clear()
            if self._failure:
                raise RuntimeError(f"the driver could not do as told: {self._failure}")
            if (found := take()) is not None:
                return found
            try:
                await asyncio.wait_for(self._news.wait(), deadline - asyncio.get_running_loop().time())
            except TimeoutError:
                raise NeverHappened(f"no {what} within {within} s; {self._seen()}") from None

    def _seen(self) -> str:
        events = [(event.name, str(event.payload)[:200]) for event in self.events[-8:]]
        return f"last events of this {self.version} client: {events}, and {self._reports[-4:]}"

    def _receive(self, report: Report) -> None:
        self._listener(report)
        match report["kind"]:
            case "event" if not self._keep_events:
                pass
            case "event":
                event = Event(report["name"], report["args"])
                self.events.append(event)
                self._unexpected.append(event)
            case "ack":
                future = self._acks.pop(report["ack"])
                if not future.done():
                    future.set_result(report["answer"])
            case "connect":
                self.socket_id = report["socketId"]
                self.recovered = report["recovered"]
                self._reports.append(report)
            case "failure":
                self._failure = report["message"]
            case _:
                self._reports.append(report)
        self._news.set()

"""One device of a user: a stock client that keeps what it was told and when, and sends as docs/clients.md says."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

from tests.clients.client import Client
from tests.clients.driver import Driver, Report
from tests.e2e.people import Person, Room

PATIENCE = 10.0
"""Seconds for which an acknowledgement is waited for."""
BUSY = ("overloaded", "store_unavailable", "rate_limited")
OLD = ("2.3.1",)
"""The generations whose apps were written before `resync`."""
LONG = 4 * 3600.0
"""Seconds for which tokens are good: also where the clock is an hour ahead."""


@dataclass(slots=True)
class Connection:
    """From a connect to the disconnect; instants are those of `time.monotonic`."""

    began: float
    recovered: bool
    ended: float | None = None


@dataclass(slots=True)
class Sent:
    """A message, from its sender's point of view."""

    room_id: str
    sender: str
    client_message_id: str
    content: str
    first_sent: float
    attempts: int = 0
    acked: float | None = None
    message_id: str | None = None
    refusals: list[str] = field(default_factory=list)


class Device:
    """A stock client with the reconnection that it comes with."""

    def __init__(
        self, driver: Driver, person: Person, version: str, url: str, transports: tuple[str, ...] = ("websocket",)
    ) -> None:
        self.person = person
        self.connections: list[Connection] = []
        self.received: list[tuple[float, str, str]] = []
        """When, in which room, and the message's `_id`, of each `new_message`."""
        self.resynced: list[float] = []
        self.statuses: dict[str, bool] = {}
        """By room: what this device believes of the other side."""
        self.told_offline: list[str] = []
        """The rooms of which it was told that the other side has left."""
        self.refused: list[str] = []
        self.client = Client(
            driver,
            version=version,
            url=url,
            query=person.identity(seconds=LONG, **({} if version in OLD else {"resync": True, "recovery": True})),
            transports=transports,
            options={"reconnection": True},
            listener=self._hear,
            keep_events=False,
        )
        self._connected = asyncio.Event()
        # Who begins to send at the moment of a reconnect passes none of those that waited for it.
        self._turn = asyncio.Lock()
        self._unanswered: set[asyncio.Future[list[Any]]] = set()

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    def _hear(self, report: Report) -> None:
        now = time.monotonic()
        match report["kind"]:
            case "connect":
                self.connections.append(Connection(now, report["recovered"]))
                self._connected.set()
            case "disconnect":
                self._connected.clear()
                self.connections[-1].ended = now
                for unanswered in self._unanswered:
                    if not unanswered.done():
                        unanswered.set_result([None])
            case "refused":
                self.refused.append(str(report["message"]))
            case "event" if report["args"] and isinstance(payload := report["args"][0], dict):
                self._take(report["name"], payload, now)

    def _take(self, event: str, payload: dict[str, Any], now: float) -> None:
        match event:
            case "new_message":
                self.received.append((now, payload["room_id"], payload["_id"]))
            case "active_user_list":
                self.statuses = {entry["room_id"]: entry["status"] for entry in payload["rooms"]}
            case "user_status_change":
                self.statuses[payload["room_id"]] = payload["status"]
                if not payload["status"]:
                    self.told_offline.append(payload["room_id"])
            case "resync":
                self.resynced.append(now)

    async def online(self) -> None:
        """Return once it is connected."""
        await self._connected.wait()

    async def send(self, room: Room, sent: Sent) -> None:
        """Send a message until it is acknowledged: again after a time-out or a temporary refusal, later and later."""
        payload = room.message(self.person, sent.content, client_message_id=sent.client_message_id)
        while True:
            async with self._turn:
                await self.online()
            sent.attempts += 1
            answer = await self._ask("new_message", payload)
            if answer is not None and answer.get("status"):
                sent.acked = time.monotonic()
                sent.message_id = answer["message"]["_id"]
                return
            error = (answer or {}).get("error", {})
            sent.refusals.append(error.get("code", "late"))
            if answer is not None and error.get("code") not in BUSY:
                return
            most = min(60, 2 ** (sent.attempts - 1))
            await asyncio.sleep(error.get("retry_after", 0) + most * random.random())

    async def sync(self, since: str | None) -> tuple[str | None, set[str]]:
        """Ask for what has changed since a token: the next token, and the ids of the new messages.

        No token where the server has no `sync`, as earlier ones.
        """
        found: set[str] = set()
        while True:
            answer = await self._ask("sync", {"since": since}) or {}
            if answer.get("status"):
                found |= {change["data"]["_id"] for change in answer["changes"] if change["type"] == "new_message"}
                since = answer["next"]
                if not answer["more"]:
                    return since, found
            elif (code := answer.get("error", {}).get("code")) == "unknown_event":
                return None, found
            else:
                assert code in (None, *BUSY), answer
                await asyncio.sleep(1 + answer.get("error", {}).get("retry_after", 0))

    async def _ask(self, event: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        """The acknowledgement; None where there is none in time, or the connection broke."""
        answer = self.client.ask_later(event, payload)
        self._unanswered.add(answer)
        try:
            done, _ = await asyncio.wait({answer}, timeout=PATIENCE)
        finally:
            self._unanswered.discard(answer)
        return answer.result()[0] if done else None

    def loaded_afresh(self) -> float:
        """When it last connected without being recovered, upon which it reads what it does not know."""
        return max((connection.began for connection in self.connections if not connection.recovered), default=0.0)

    def lost(self, since: float, until: float) -> int:
        """How many connections it lost in that time."""
        return sum(
            1 for connection in self.connections if connection.ended is not None and since <= connection.ended <= until
        )

"""An app that keeps what it shows by the loop of docs/clients.md: connect, sync, live."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.clients.client import Client

from .people import Person

BASE = "/v1/conversations"
Payload = dict[str, Any]


class App:
    """REST as one person. A call is repeated, at the servers in turn, until one answers; `refused` statuses count."""

    def __init__(self, person: Person, *urls: str) -> None:
        self.person = person
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {person.token()}"}

    async def call(self, http: httpx.AsyncClient, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The body of the first good answer."""
        for attempt in range(200):
            url = self._urls[attempt % len(self._urls)]
            try:
                answer = await http.request(method, url + BASE + path, json=body, params=query, headers=self._headers)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code != 503:
                assert answer.status_code == 200, (method, path, answer.text)
                return answer.json()
            await asyncio.sleep(0.2)
        raise AssertionError(f"{method} {path} is never answered")


class Device:
    """What a device of one person shows: rooms, and the whole history of each."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.rooms: dict[str, Payload] = {}
        self.messages: dict[str, dict[str, Payload]] = {}
        self.token: str | None = None
        self.pages = 0
        self._side = person.role.lower()
        self._heard = 0

    async def load(self, http: httpx.AsyncClient, url: str) -> None:
        """Forget everything, and load it anew."""
        app = App(self.person, url)
        self.rooms = {room["_id"]: room for room in (await app.call(http, "GET", "/rooms"))["rooms"]}
        self.messages = {room_id: {} for room_id in self.rooms}
        for room_id, messages in self.messages.items():
            cursor: dict[str, str] = {}
            while True:
                page = await app.call(http, "GET", "/messages", room_id=room_id, limit=100, **cursor)
                messages.update({message["_id"]: message for message in page["data"]})
                if page["next_cursor"] is None:
                    break
                cursor = {"cursor": page["next_cursor"]}

    async def sync(
        self,
        client: Client,
        limit: int = 100,
        after_page: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """What a device does at each connect, at `resync`, and every ten minutes. Live events wait until it is done."""
        self._heard = len(client.events)
        since = self.token
        while True:
            answer = await client.ask("sync", {"since": since, "limit": limit}, within=30)
            assert answer["status"] is True, answer
            self.pages += 1
            for change in answer["changes"]:
                self._apply(change["type"], change["data"])
            since = answer["next"]
            if not answer["more"]:
                break
            if after_page is not None:
                await after_page()
        self.token = since
        self.live(client)

    def live(self, client: Client) -> None:
        """Take up the events that came."""
        events, self._heard = client.events[self._heard :], len(client.events)
        for event in events:
            if event.name == "new_message":
                self._count(event.payload)
            self._apply(event.name, event.payload)

    def _apply(self, name: str, data: Payload) -> None:
        match name:
            case "room":
                self.rooms[data["_id"]] = data
                self.messages.setdefault(data["_id"], {})
            case "room_deletion":
                if data["deletion_role"] == self.person.role:
                    self.rooms.pop(data["room_id"], None)
                    self.messages.pop(data["room_id"], None)
            case "seen_messages":
                for message in self.messages.get(data["room_id"], {}).values():
                    if (
                        message["from"] == data["to"]
                        and data["from"] != "support"
                        and message["created_at"] <= data["last_message_created_at"]
                    ):
                        message["is_seen"] = True
            case "new_message" | "message_updated" | "message_redacted":
                self._put(data)

    def _put(self, message: Payload) -> None:
        known = self.messages.setdefault(message["room_id"], {})
        before = known.get(message["_id"], {})
        if "created_at" not in message and not before:
            return  # `message_redacted` of a message that the device does not hold
        if _version(message) >= _version(before):
            known[message["_id"]] = {**({} if "created_at" in message else before), **message}
        room = self.rooms.get(message["room_id"])
        last = room and room[f"{self._side}_last_message"]
        if last and last["_id"] == message["_id"] and _version(message) >= _version(last):
            last.update(message)

    def _count(self, message: Payload) -> None:
        room = self.rooms.get(message["room_id"])
        if room is None:
            return
        last = room[f"{self._side}_last_message"]
        if last is None or (message["created_at"], message["_id"]) > (last["created_at"], last["_id"]):
            room[f"{self._side}_last_message"] = dict(message)
            room[f"{self._side}_unseen_messages"] += message["to"] == self.person.user_id

    def shown(self) -> dict[str, Any]:
        """What a person sees of it."""
        return {room_id: self._shown(room, self.messages[room_id]) for room_id, room in self.rooms.items()}

    def _shown(self, room: Payload, messages: dict[str, Payload]) -> list[Any]:
        last = room[f"{self._side}_last_message"] or {}
        fields = ("blocked_by", "closed_at", f"pinned_by_{self._side}", f"{self._side}_unseen_messages")
        contents = [
            [message.get(name) for name in ("created_at", "_id", "content", "is_seen", "redacted_at")]
            for message in messages.values()
        ]
        return [*(room[name] for name in fields), last.get("_id"), last.get("content"), *sorted(contents)]


def _version(message: Payload) -> str:
    return max(message.get("updated_at") or "", message.get("redacted_at") or "")

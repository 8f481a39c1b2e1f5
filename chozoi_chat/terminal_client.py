"""A client of the chat for a terminal: one user, one room; what `manage.py chat` shows."""

from __future__ import annotations

import asyncio
import datetime
import random
import sys
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from identity import Role, issue_token
from socketio_bridge import ConnectionRefused
from socketio_bridge.testing import Disconnected, SocketIOCommunicator

PATIENCE = 15.0  # seconds for an answer
TOKEN_TTL = 3600  # seconds; each connection has a new token
LONGEST_PAUSE = 5.0  # seconds before it tries to connect again
EARLIER = 15  # messages that are shown at the beginning
HELP = "Each line is a message. /emoji 👍 sends an emoji, /quit (or Ctrl-D) ends."


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server's doors are.

    Attributes:
        url: The server, such as `http://127.0.0.1:8000`.
        path: Its Engine.IO path.
        namespace: The chat's namespace.
    """

    url: str
    path: str
    namespace: str


class Refused(Exception):
    """The server does not let this user into this room; the text says why."""


class TerminalClient:
    """Shows a room's messages as they come, and sends each line that is typed.

    A broken connection is made again, and what was missed is shown then.

    Args:
        address: The server's.
        user_id: The user that it speaks for.
        role: The side that the user is on.
        other: The user on the other side.
        say: Shows a line.
    """

    def __init__(self, address: Address, user_id: str, role: Role, other: str, say: Callable[[str], None]) -> None:
        self._address = address
        self._user_id, self._role, self._other = user_id, role, other
        buyer, seller = (user_id, other) if role is Role.BUYER else (other, user_id)
        self._room = {"type": "BS", "buyer": buyer, "seller": seller, "shop_id": seller, "creator": user_id}
        self._room_id = f"{buyer}.{seller}"
        self._sides = {"room_id": self._room_id, "from": user_id, "to": other}
        self._say = say
        self._shown: set[str] = set()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._unsent: str | None = None  # a line whose acknowledgement did not come
        self._unsent_id = ""
        self._since: str | None = None  # the token of sync
        self._unseen: dict[str, Any] | None = None  # of the other side, the last one
        self._echoes = sys.stdin.isatty()
        self._ended = False

    async def run(self) -> None:
        """Stay connected until the input ends.

        Raises:
            Refused: The server does not let this user in.
        """
        threading.Thread(target=self._read, args=(asyncio.get_running_loop(),), name="input", daemon=True).start()
        pause = 0.5
        while not self._ended:
            try:
                async with self._socket() as client:
                    pause = 0.5
                    await self._talk(client)
            except ConnectionRefused as refusal:
                if isinstance(refusal.data, dict) and "status" not in refusal.data:
                    raise Refused(f"{refusal.message}: {refusal.data.get('code', '')}") from None
                self._say(f"-- refused: {refusal.message}")
            except (Disconnected, TimeoutError, OSError) as error:
                self._say(f"-- not connected ({error or type(error).__name__}); trying again")
            if not self._ended:
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  jitter is no secret
                pause = min(2 * pause, LONGEST_PAUSE)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        # A thread of its own, as a terminal cannot be read without waiting; it ends with the process.
        for line in sys.stdin:
            loop.call_soon_threadsafe(self._lines.put_nowait, line.rstrip("\n"))
        loop.call_soon_threadsafe(self._lines.put_nowait, None)

    def _token(self) -> str:
        return issue_token(self._user_id, self._role, TOKEN_TTL)

    def _socket(self) -> _Connection:
        identity = {"token": self._token(), "user_id": self._user_id, "user_role": self._role.value, "resync": True}
        address = self._address
        return _Connection(SocketIOCommunicator(address.url, address.namespace, path=f"{address.path}/", auth=identity))

    async def _talk(self, client: SocketIOCommunicator) -> None:
        """Show what comes and send what is typed, until the input or the connection ends."""
        await self._enter(client)
        is_first = self._since is None
        await self._catch_up(client)
        if not is_first:
            self._say("-- connected again")
        hearing = asyncio.create_task(self._hear(client))
        sending = asyncio.create_task(self._send_all(client))
        try:
            done, _ = await asyncio.wait({hearing, sending}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (hearing, sending):
                task.cancel()
            await asyncio.gather(hearing, sending, return_exceptions=True)

    async def _enter(self, client: SocketIOCommunicator) -> None:
        [answer] = await client.call("create_room", self._room, timeout=PATIENCE)
        if not answer["status"]:
            raise Refused(f"{answer['error']['code']}: {answer['error']['message']}")

    async def _catch_up(self, client: SocketIOCommunicator) -> None:
        """Show what was said before, the first time; later what was missed."""
        if self._since is None:
            [answer] = await client.call("sync", {}, timeout=PATIENCE)
            for message in reversed(await self._history()):
                self._show(message)
            self._say(f"-- {self._room_id}, as {self._user_id} ({self._role.value}). {HELP}")
        else:
            more, answer = True, {"next": self._since}
            while more:
                [answer] = await client.call("sync", {"since": answer["next"]}, timeout=PATIENCE)
                if not answer["status"]:  # too old a token, which serves for weeks
                    return
                for change in answer["changes"]:
                    if change["type"] == "new_message":
                        self._show(change["data"])
                more = answer["more"]
        self._since = answer["next"]
        await self._see(client)

    async def _history(self) -> list[dict[str, Any]]:
        headers = {"authorization": f"Bearer {self._token()}"}
        async with httpx.AsyncClient(base_url=self._address.url, headers=headers, timeout=PATIENCE) as api:
            answer = await api.get(
                "/v1/conversations/messages", params={"room_id": self._room_id, "limit": str(EARLIER)}
            )
        found: list[dict[str, Any]] = answer.json()["data"] if answer.is_success else []
        return found

    async def _hear(self, client: SocketIOCommunicator) -> None:
        typing = False
        while True:
            try:
                event, [data, *_] = await client.receive(timeout=3600)
            except TimeoutError:
                continue  # an hour of silence is no fault
            if event == "resync":
                await self._catch_up(client)
            if not isinstance(data, dict) or data.get("room_id") != self._room_id:
                continue
            if event == "new_message":
                typing = False
                self._show(data)
                await self._see(client)
            elif event == "typing" and data["from"] == self._other and not typing:
                typing = True
                self._say(f"-- {self._other} is typing")
            elif event == "user_status_change" and data["user_id"] == self._other:
                self._say(f"-- {self._other} is {'online' if data['status'] else 'offline'}")
            elif event == "seen_messages" and data["from"] == self._other:
                self._say(f"-- seen by {self._other}")
            elif event in ("message_updated", "message_redacted"):
                self._say(f"-- changed: {data['content']}")

    async def _see(self, client: SocketIOCommunicator) -> None:
        if self._unseen is not None:
            last = {"last_message_id": self._unseen["_id"], "last_message_created_at": self._unseen["created_at"]}
            self._unseen = None
            await client.emit("seen_messages", {**self._sides, **last})

    def _show(self, message: dict[str, Any]) -> None:
        if message["_id"] in self._shown or message["room_id"] != self._room_id:
            return
        self._shown.add(message["_id"])
        if message["from"] == self._other:
            self._unseen = message
        at = datetime.datetime.fromisoformat(message["created_at"]).astimezone()
        if self._echoes and message["client_message_id"] == self._unsent_id:
            self._say(f"-- stored {at:%H:%M}")  # the terminal shows what was typed
            return
        speaker = "you" if message["from"] == self._user_id else message["from"]
        self._say(f"{at:%H:%M} {speaker}: {message['content']}")

    async def _send_all(self, client: SocketIOCommunicator) -> None:
        while True:
            if self._unsent is None:
                line = await self._lines.get()
                if line is None or line == "/quit":
                    self._ended = True
                    return
                if not line.strip():
                    continue
                if line == "/help":
                    self._say(f"-- {HELP}")
                    continue
                self._unsent, self._unsent_id = line, uuid.uuid4().hex
            await self._send(client, self._unsent)
            self._unsent = None

    async def _send(self, client: SocketIOCommunicator, line: str) -> None:
        """Send a line. If the connection breaks before it is acknowledged, the next one sends it again, with its id."""
        emoji = line.removeprefix("/emoji ")
        content = {"type": "TEXT", "content": line} if emoji == line else {"type": "EMOJI", "content": emoji}
        message = {**self._sides, **content, "client_message_id": self._unsent_id}
        [answer] = await client.call("new_message", message, timeout=PATIENCE)
        if answer["status"]:
            self._show(answer["message"])
        else:
            self._say(f"-- refused ({answer['error']['code']}): {answer['error']['message']}")


class _Connection:
    """A client that connects with patience, and leaves with it."""

    def __init__(self, client: SocketIOCommunicator) -> None:
        self._client = client

    async def __aenter__(self) -> SocketIOCommunicator:
        await self._client.connect(timeout=PATIENCE)
        return self._client

    async def __aexit__(self, *exception: object) -> None:
        try:
            await self._client.disconnect(timeout=PATIENCE)
        except (TimeoutError, Disconnected):
            pass  # the server is away

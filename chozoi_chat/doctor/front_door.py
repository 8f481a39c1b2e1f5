"""A URL as clients see it: through whatever stands before the processes."""

from __future__ import annotations

import ssl
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

import httpx
import msgspec
from django.conf import settings
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from chozoi_chat.doctor import seen
from chozoi_chat.doctor.finding import Finding, error, note, ok, warning
from chozoi_chat.doctor.seen import Seen
from persistence.store_clock import LARGEST_SKEW

_PATIENCE: Final = 10.0  # seconds
_TIMES: Final = 8
"""Requests, each on a connection of its own, that are to reach all processes."""
_FORGED: Final = "192.0.2.66"  # an address for documentation (RFC 5737), which no client has
_FOREIGN: Final = "https://doctor.invalid"
_PONG: Final = "3"
_CLOSE: Final = "1"


class Answer(NamedTuple):
    """What a process saw of a request.

    Attributes:
        told: What it told.
        forged: Whether the request claimed to be of another address.
        asked_at: When it was asked, by this machine's clock.
        answered_at: When it had answered.
    """

    told: Seen
    forged: bool
    asked_at: float
    answered_at: float


class NotTheChat(Exception):
    """What answers is no process of the chat; the text says what it was asked."""


class FrontDoor:
    """The door of a deployment.

    Args:
        url: Where clients reach it, such as `https://chat.example.com`.
        ca: A file of certificates to trust besides; "" for none.
    """

    def __init__(self, url: str, ca: str = "") -> None:
        self._url = url.rstrip("/")
        self._ca = ca

    def look(self) -> Iterator[Finding]:
        """Look at the door. Without an answer there is one finding."""
        parts = parts_of(self._url)
        if parts is None:
            yield error(f"--url is {self._url!r}", "It must be like https://chat.example.com.")
            return
        self._parts = parts
        try:
            self._trust = ssl.create_default_context(cafile=self._ca or None)
        except OSError as unreadable:
            yield error(f"--ca {self._ca!r} cannot be read: {unreadable}", "Name a file of certificates in PEM.")
            return
        try:
            answer = self._get("/healthz")
        except (httpx.HTTPError, httpx.InvalidURL) as away:
            yield error(
                f"{self._url} does not answer: {away}", "Does the name lead there, and is the certificate good?"
            )
            return
        if answer.status_code != httpx.codes.OK:
            yield error(
                f"/healthz answers {answer.status_code}", "No process is behind it, or the path is not passed on."
            )
            return
        yield ok(f"{self._url}/healthz answers")
        for part in (self._tls, self._origins, self._generations, self._websocket, self._session, self._processes):
            try:
                yield from part()
            except httpx.HTTPError as broken:
                yield error(
                    f"{part.__name__.strip('_')}: {type(broken).__name__}: {broken}", "Look into the proxy's log."
                )
            except NotTheChat as other:
                yield error(f"{part.__name__.strip('_')}: {other}", "Is SOCKET_PATH passed on to the processes?")

    def _get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"{self._url}{path}", headers=headers, verify=self._trust, timeout=_PATIENCE)

    def _tls(self) -> Iterator[Finding]:
        if self._parts.scheme == "http":
            yield warning("clients come by http: tokens and messages are in the clear", "End TLS before the processes.")
            return
        if "strict-transport-security" not in self._get("/admin/login/").headers:
            yield warning(
                "answers have no Strict-Transport-Security: cookies of staff may go in the clear",
                "Set PUBLIC_URL to the https URL, or SERVED_OVER_HTTPS=true, and pass X-Forwarded-Proto.",
            )
        else:
            yield ok("browsers are told to keep to https")

    def _polling(self, protocol: int = 4) -> str:
        return f"{settings.SOCKET_PATH}/?EIO={protocol}&transport=polling"

    def _handshake(self, origin: str | None = None, protocol: int = 4) -> httpx.Response:
        headers = {} if origin is None else {"Origin": origin}
        answer = self._get(self._polling(protocol), **headers)
        if answer.status_code == httpx.codes.OK:
            self._say_goodbye(answer, protocol)
        return answer

    def _say_goodbye(self, answer: httpx.Response, protocol: int) -> None:
        self._post(session_in(answer.text), "1:1" if protocol == 3 else _CLOSE, protocol)

    def _post(self, session: str, packet: str, protocol: int = 4) -> httpx.Response:
        url = f"{self._url}{self._polling(protocol)}&sid={session}"
        return httpx.post(url, content=packet, verify=self._trust, timeout=_PATIENCE)

    def _origins(self) -> Iterator[Finding]:
        own = f"{self._parts.scheme}://{self._parts.netloc}"
        answer = self._handshake(own)
        if answer.status_code != httpx.codes.OK:
            yield error(
                f"pages of {own} itself are refused with {answer.status_code}, and so are apps that send an Origin",
                "Have the proxy pass Host as it came and X-Forwarded-Proto: https (docs/deploy.md), and ALLOWED_HOSTS "
                "name the host.",
            )
        else:
            yield ok(f"pages of {own} may connect")
        for origin in settings.ALLOWED_ORIGINS:
            if origin == "*":
                continue
            status = self._handshake(origin).status_code
            if status != httpx.codes.OK:
                yield error(f"pages of {origin} are refused with {status}", "Have all processes this ALLOWED_ORIGINS?")
        if self._handshake(_FOREIGN).status_code == httpx.codes.OK and "*" not in settings.ALLOWED_ORIGINS:
            yield warning("pages of any site may connect", "Does the proxy drop or change Origin? It must not.")

    def _generations(self) -> Iterator[Finding]:
        for protocol, clients in ((4, "clients 3.x and 4.x"), (3, "clients 1.x and 2.x")):
            status = self._handshake(protocol=protocol).status_code
            if status == httpx.codes.OK:
                yield ok(f"{clients} may connect by polling")
            else:
                yield error(f"{clients} are refused with {status}", "Is SOCKET_PATH passed on, with its query?")

    def _websocket(self) -> Iterator[Finding]:
        url = f"{'wss' if self._parts.scheme == 'https' else 'ws'}://{self._parts.netloc}{settings.SOCKET_PATH}/"
        context = self._trust if self._parts.scheme == "https" else None
        try:
            with connect(f"{url}?EIO=4&transport=websocket", ssl=context, open_timeout=_PATIENCE) as websocket:
                opened = websocket.recv(timeout=_PATIENCE)
        except InvalidStatus as refused:
            yield error(
                f"a WebSocket is answered {refused.response.status_code}",
                "The proxy speaks HTTP/1.1 to the processes and passes Upgrade and Connection (docs/deploy.md).",
            )
        except (WebSocketException, OSError) as broken:
            yield error(f"a WebSocket breaks: {type(broken).__name__}: {broken}", "Look into the proxy's log.")
        else:
            opens = isinstance(opened, str) and opened.startswith("0{")
            yield ok("WebSockets come through") if opens else error(f"a WebSocket begins with {opened!r:.80}", "")

    def _session(self) -> Iterator[Finding]:
        """Whether one session's requests are taken wherever they land: each is on a connection of its own."""
        answer = self._get(self._polling())
        if answer.status_code != httpx.codes.OK:
            return  # _generations says so
        session = session_in(answer.text)
        statuses = Counter(self._post(session, _PONG).status_code for _ in range(_TIMES))
        self._post(session, _CLOSE)
        if set(statuses) == {httpx.codes.OK}:
            yield ok(f"{_TIMES} requests of one session were taken, on whichever process")
        else:
            said = ", ".join(f"{count} times {status}" for status, count in sorted(statuses.items()))
            yield error(
                f"requests of one session are answered {said}",
                "Processes that share no Redis database and CHANNEL_PREFIX do not know each other's sessions.",
            )

    def _processes(self) -> Iterator[Finding]:
        answers = []
        for number in range(_TIMES):
            forged = {"X-Forwarded-For": _FORGED} if number % 2 else {}
            asked_at = time.time()
            answer = self._get("/doctor", **{seen.HEADER: seen.signature()}, **forged)
            if answer.status_code != httpx.codes.OK:
                yield note(
                    f"what the processes see is not told (/doctor answers {answer.status_code})",
                    "Run the doctor with the SECRET_KEY of the servers, and have the proxy pass /doctor on.",
                )
                return
            try:
                told = msgspec.json.decode(answer.content, type=Seen)
            except msgspec.DecodeError:
                raise NotTheChat("/doctor is answered by something else") from None
            answers.append(Answer(told, bool(forged), asked_at, time.time()))
        yield from judge_address(answers)
        yield from judge_processes(answers)
        if {answer.told.scheme for answer in answers} != {self._parts.scheme}:
            yield error(
                f"processes take requests for {answers[0].told.scheme}",
                "Pass X-Forwarded-Proto, and from no client's hand.",
            )


def parts_of(url: str) -> SplitResult | None:
    """Return the parts of the URL of a server; None for what is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def session_in(opened: str) -> str:
    """Return the id of the session that an answer to a handshake by polling opens, of Engine.IO 3 or 4.

    Raises:
        NotTheChat: It opens none, such as the page that a proxy has for every address.
    """
    try:
        found: dict[str, Any] = msgspec.json.decode(opened[opened.index("{") : opened.index("}") + 1])
        return str(found["sid"])
    except (ValueError, LookupError):
        raise NotTheChat(f"a handshake is answered by something else: {opened[:40]!r}") from None


def judge_address(answers: list[Answer]) -> Iterator[Finding]:
    """Judge whether limits count the address that a client has."""
    if any(answer.told.address == _FORGED for answer in answers):
        yield error(
            "a client chooses the address that limits count, by X-Forwarded-For",
            "Have the proxy set X-Forwarded-For to the client's address, and FORWARDED_ALLOW_IPS name proxies alone. "
            "(On a proxy's machine that is so of a process' own port: ask the URL that clients use.)",
        )
        return
    plain = [answer.told for answer in answers if not answer.forged]
    blind = [told for told in plain if told.forwarded and told.address not in told.forwarded]
    if blind:
        yield error(
            f"all clients count as {blind[0].address}, which is the proxy's: X-Forwarded-For is not believed",
            f"Add {blind[0].address} to FORWARDED_ALLOW_IPS.",
        )
        return
    if not any(told.forwarded for told in plain):
        yield note("no X-Forwarded-For comes to the processes: either there is no proxy, or all clients count as one")
    yield ok(f"this machine counts as {plain[0].address}: is that its address as the door sees it?")


def judge_processes(answers: list[Answer]) -> Iterator[Finding]:
    """Judge whether the processes agree, with each other and with this machine."""
    last = {answer.told.process: answer for answer in answers}
    yield ok(f"processes that answered, {len(last)}: {'; '.join(sorted(last))}")
    ours = seen.shared_settings()
    for name in ours:
        values = {answer.told.settings.get(name) for answer in last.values()}
        if len(values) > 1:
            yield error(f"processes differ in {name}", "Give all processes the same settings.")
        elif values != {ours[name]}:
            yield warning(f"the processes have another value of {name} than this command", "Run it in their settings.")
    for told, _, asked_at, answered_at in last.values():
        skew = max(told.time - answered_at, 0.0) or min(told.time - asked_at, 0.0)
        if abs(skew) > LARGEST_SKEW:
            side = "ahead of" if skew > 0 else "behind"
            yield warning(
                f"the clock of {told.process} is {abs(skew):.0f} s {side} this machine's",
                "Set both right: tokens expire by them.",
            )

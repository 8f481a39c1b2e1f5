"""Processes of the office, and a browser: one jar of cookies for pages and sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from devstack.embedded import free_port
from tests.serving import start_server

PROJECT = Path(__file__).resolve().parents[3]
MODULE = "tests.socketio_bridge.users.office"


class Office:
    """The project and its processes; `options` are the bridge's."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self._directory = directory
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
            "DATABASE": str(directory / "office.sqlite3"),
            "REDIS_URL": f"{os.environ['REDIS_ADDRESS'].rsplit('/', 1)[0]}/7",
            **environment,
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self.command("migrate", "-v", "0")

    def command(self, *arguments: str) -> str:
        """Run a management command in a process of its own; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", MODULE, *arguments],
            cwd=PROJECT, env=self._environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def serve(self) -> str:
        """Start a process that serves sockets; its URL."""
        port = str(free_port())
        url, log = f"http://127.0.0.1:{port}", self._directory / f"{port}.log"
        command, environment = [sys.executable, "-m", MODULE, "serve"], {**self._environment, "PORT": port}
        self._processes.append(start_server(command, url, cwd=PROJECT, env=environment, log=log))
        return url

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(10)

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self._directory.glob("*.log")))


class Browser:
    """Logs in at one process and opens sockets at any."""

    def __init__(self, url: str, name: str = "") -> None:
        self.url = url
        self.http = httpx.Client(base_url=url)
        if name:
            self.http.get(f"/enter/{name}").raise_for_status()

    def socket(self, namespace: str, url: str = "", **auth: Any) -> ClientSocket:
        return ClientSocket(url or self.url, dict(self.http.cookies), namespace, auth)


class ClientSocket:
    """A client of protocol 5 in a namespace, over a WebSocket."""

    def __init__(self, url: str, cookies: dict[str, str], namespace: str, auth: dict[str, Any]) -> None:
        self.namespace = namespace
        self.auth = auth
        self.id = ""
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        address = url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
        self._opening = connect(address, additional_headers={"Cookie": cookie}, proxy=None)
        self._socket: ClientConnection = self._opening.__enter__()
        assert self._receive().startswith("0{")

    def join(self) -> Self:
        """Connect to the namespace, and be let in."""
        answer = self.ask_to_join()
        assert "sid" in answer, answer
        self.id = answer["sid"]
        return self

    def ask_to_join(self) -> dict[str, Any]:
        self._socket.send(f"40{self.namespace},{json.dumps(self.auth)}")
        answer: dict[str, Any] = json.loads(self._receive().partition(",")[2])
        return answer

    def call(self, event: str, *arguments: Any) -> Any:
        """What acknowledges an event."""
        self._socket.send(f"42{self.namespace},1{json.dumps([event, *arguments])}")
        frame = self._receive()
        assert frame.startswith(f"43{self.namespace},1"), frame
        [answer] = json.loads(frame.partition(",1")[2])
        return answer

    def event(self) -> list[Any]:
        frame = self._receive()
        assert frame.startswith(f"42{self.namespace},"), frame
        event: list[Any] = json.loads(frame.partition(",")[2])
        return event

    def is_in(self, within: float = 0.5) -> bool:
        """Whether nothing was said to the client for a while."""
        try:
            frame = self._socket.recv(timeout=within)
        except TimeoutError:
            return True
        assert frame == f"41{self.namespace},", frame
        return False

    def is_out(self, within: float = 1.0) -> bool:
        """Whether the server puts the client out in so many seconds."""
        return not self.is_in(within)

    def is_closed(self) -> bool:
        try:
            self._receive()
        except ConnectionClosed:
            return True
        return False

    def _receive(self) -> str:
        frame = self._socket.recv(timeout=5)
        while frame == "2":
            self._socket.send("3")
            frame = self._socket.recv(timeout=5)
        return str(frame)

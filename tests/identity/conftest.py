"""The surroundings of identity: settings that trust nobody yet, and tiny HTTP services on loopback."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from identity import jwks, token_cache


class Service:
    """An HTTP service of the identity provider. Set `answer` (JSON), `body` (raw), `status` or `delay` (s)."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.body: bytes | None = None
        self.status = 200
        self.delay = 0.0
        self.requests: list[dict[str, Any]] = []
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
                service.requests.append(
                    {"method": self.command, "form": form, "authorization": self.headers.get("Authorization")}
                )
                time.sleep(service.delay)
                body = json.dumps(service.answer).encode() if service.body is None else service.body
                with contextlib.suppress(ConnectionError):  # a client that gave up waiting
                    self.send_response(service.status)
                    self.send_header("Content-Length", str(len(body)))
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.wfile.write(body)

            do_GET = do_POST = _handle

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Go down: connections are refused, until `start` brings it back on the same port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class Clock:
    """The clock of keys and answers that are kept: the real one, and what has passed by since."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def time(self) -> float:
        return time.time() + self._ahead

    def pass_by(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (jwks, token_cache):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.stop()


@pytest.fixture
def configure(settings: Any, tmp_path: Path) -> Callable[..., None]:
    """Set the identity settings by name; the ones left out are unset."""

    def set_them(**values: str) -> None:
        for name in (
            "AUTH_JWT_KEY",
            "AUTH_JWKS_URL",
            "AUTH_JWT_ISSUER",
            "AUTH_JWT_AUDIENCE",
            "AUTH_INTROSPECTION_URL",
        ):
            setattr(settings, name, values.pop(name, ""))
        settings.DATA_DIR = str(tmp_path)
        assert not values, values

    set_them()
    return set_them

"""`manage.py serve`: the server alone. It serves without its stores, says so to who asks, and ends when told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from websockets.sync.client import connect

from devstack.embedded import free_port
from tests.eventually import eventually_sync

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(**variables: str) -> Iterator[int]:
    """A server; the port where it answers. SIGTERM must end it in order, after which uvicorn raises it once more."""
    port = free_port()
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | variables)
    try:
        eventually_sync(lambda: process.poll() is not None or get(port, "/healthz")[0], "the server answers")
        assert process.poll() is None
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM


def get(port: int, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, None


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as port:
        yield port


def test_without_its_stores_it_serves_but_is_not_ready_and_names_each() -> None:
    mongodb, redis = free_port(), free_port()
    addresses = {"MONGODB_URI": f"mongodb://127.0.0.1:{mongodb}/chat", "REDIS_ADDRESS": f"127.0.0.1:{redis}"}
    with serving(**addresses) as port:
        assert get(port, "/healthz") == (200, {"status": "ok"})
        asked = time.monotonic()
        status, answer = get(port, "/readyz")
        assert time.monotonic() - asked < 5, "a load balancer does not wait longer"
        assert status == 503
        assert str(mongodb) in answer["mongodb"]
        assert str(redis) in answer["redis"]


def test_it_does_not_compress_web_socket_frames(port: int) -> None:
    """Compression costs hundreds of kilobytes a socket; the client offers it here, as browsers do."""
    url = f"ws://127.0.0.1:{port}{settings.SOCKET_PATH}/?EIO=4&transport=websocket"
    with connect(url, compression="deflate") as socket:
        assert socket.protocol.extensions == []


def test_it_compresses_them_where_it_is_told_to() -> None:
    with serving(PER_MESSAGE_DEFLATE="true") as port:
        url = f"ws://127.0.0.1:{port}{settings.SOCKET_PATH}/?EIO=4&transport=websocket"
        with connect(url, compression="deflate") as socket:
            assert [extension.name for extension in socket.protocol.extensions] == ["permessage-deflate"]
            assert str(socket.recv(5)).startswith("0{")


def test_it_tells_nobody_what_it_is(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
        assert answer.headers["Server"] is None


def said_to(port: int, sent: bytes) -> bytes:
    """What the server says to these bytes, until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_a_request_that_never_ends_is_refused() -> None:
    """By its size, and by its time; `test_uvicorn_protocol` has the rules."""
    with serving(REQUEST_TIMEOUT="1") as port:
        assert said_to(port, b"GET / HTTP/1.1\r\nA: " + b"a" * 200_000).startswith(b"HTTP/1.1 431 ")
        assert said_to(port, b"GET /" + b"a" * 200_000).startswith(b"HTTP/1.1 414 ")
        assert said_to(port, b"GET / HTTP/1.1\r\nA: ").startswith(b"HTTP/1.1 408 ")
        assert said_to(port, b"") == b""

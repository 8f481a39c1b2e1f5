"""An endpoint of somebody else: a real HTTP server, which verifies with a stock library and can behave badly."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the specification's examples
HANG, DROP = "hang", "drop"
Event = dict[str, Any]


class Receiver:
    """What came in, in the order in which it came, and how to answer it.

    Attributes:
        taken: The events that were answered 2xx.
        came: All events that came, repeats included.
        headers: The headers that came with each of them.
        answer: Gives the status for an event; HANG answers nothing, DROP reads it and closes the connection.
        most_at_once: The most requests that were there at a time.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.taken: list[Event] = []
        self.came: list[Event] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[Event], int | str] = lambda event: 204
        self.answer_headers: dict[str, str] = {}
        self.most_at_once = 0
        self.released = threading.Event()
        self._at_once = 0
        self._lock = threading.Lock()

    def contents(self, room: str) -> list[str]:
        """What the messages of a room say, each event once, in the order in which they were taken first."""
        first: dict[str, str] = {}
        for event in self.taken:
            if event["partitionkey"] == room and event["type"].startswith("message."):
                first.setdefault(event["id"], event["data"]["content"])
        return list(first.values())

    def take(self, headers: dict[str, str], body: bytes) -> int | str:
        event: Event = Webhook(SECRET).verify(body, headers)
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.came.append(event)
            self.headers.append(headers)
        try:
            status = self.answer(event)
            if isinstance(status, int) and 200 <= status < 300:
                with self._lock:
                    self.taken.append(event)
            return status
        finally:
            with self._lock:
                self._at_once -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = receiver.take({name: str(value) for name, value in self.headers.items()}, body)
        if status == HANG:
            receiver.released.wait(30)
        if isinstance(status, str):
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in receiver.answer_headers.items():
            self.send_header(name, value)
        body = b"" if status == 204 else b"ok"
        if body:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Those who hang up are part of the tests."""


@contextmanager
def receiving(port: int = 0, certificate: Path | None = None) -> Iterator[Receiver]:
    """Run a receiver on loopback.

    Args:
        port: Its port; 0: a free one.
        certificate: A file of `certified`: it speaks https.
    """
    server = _Server(("127.0.0.1", port), _Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if certificate is None else "https"
    receiver = server.receiver = Receiver(f"{scheme}://127.0.0.1:{server.server_port}/chat?key=not-for-logs")
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()


def certified(directory: Path) -> Path:
    """Make a key and a certificate of 127.0.0.1 that it signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    path = directory / "receiver.pem"
    path.write_bytes(pem)
    return path

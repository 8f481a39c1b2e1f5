"""Pages such as `/metrics` and `/readyz` on a port of their own, served by a thread beside a process's work."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TypeAlias

from django.core.management.base import CommandError

CONNECTIONS = 16
TIMEOUT = 5.0  # seconds


class Page(NamedTuple):
    """An answer: its HTTP status, its body and its `Content-Type`."""

    status: int
    body: bytes
    content_type: str = "application/json"


Pages: TypeAlias = Mapping[str, Callable[[], Page]]
"""What makes a page, by its path. It is called in a thread."""


@contextmanager
def status_served(pages: Pages, host: str, port: int) -> Iterator[None]:
    """Serve pages while the block runs.

    Args:
        pages: The pages.
        host: The address to listen on.
        port: The port; 0: serve nothing.

    Raises:
        CommandError: The port cannot be used.
    """
    if port == 0:
        yield
        return
    try:
        server = _StatusServer((host, port), _Handler)
    except (OSError, OverflowError) as error:
        raise CommandError(
            f"the status port {host}:{port} cannot be had ({error}); give this process another one with "
            "WORKER_STATUS_PORT or --status-port, or 0 for none"
        ) from error
    server.pages = pages
    thread = threading.Thread(target=server.serve_forever, name="status", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _StatusServer(ThreadingHTTPServer):
    """Serves CONNECTIONS at a time, each for TIMEOUT seconds at most, so that nobody can fill the process."""

    daemon_threads = True
    pages: Pages

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        end = threading.Timer(TIMEOUT, self._end, [request])
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._places.release()

    def _end(self, request: socket.socket) -> None:
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _StatusServer

    def do_GET(self) -> None:
        make = self.server.pages.get(self.path.partition("?")[0], self._nothing)
        page = make()
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(page.body)

    def _nothing(self) -> Page:
        return Page(404, f'{{"message": "there are {", ".join(self.server.pages)}"}}'.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Probes come every few seconds; none is worth a line."""

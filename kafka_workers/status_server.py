"""A worker's `/metrics`, `/healthz` and `/readyz`, served by a thread beside its work."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.core.management.base import CommandError
from prometheus_client import CONTENT_TYPE_LATEST

from kafka_workers.report import WorkerReport

CONNECTIONS = 16
TIMEOUT = 5.0  # seconds


@contextmanager
def status_served(report: WorkerReport, host: str, port: int) -> Iterator[None]:
    """Serve a report while the block runs.

    Args:
        report: The report.
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
    server.report = report
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
    report: WorkerReport

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
        report = self.server.report
        match self.path.partition("?")[0]:
            case "/metrics":
                self._answer(200, report.metrics(), CONTENT_TYPE_LATEST)
            case "/healthz":
                self._answer(200, b'{"status": "ok"}')
            case "/readyz":
                summary = report.summary()
                self._answer(200 if summary["status"] == "ok" else 503, json.dumps(summary).encode())
            case _:
                self._answer(404, b'{"message": "there are /metrics, /healthz and /readyz"}')

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Probes come every few seconds; none is worth a line."""

"""What the decoder takes from a registry's answers: that a record is no good, or only that it must wait."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient

from kafka_workers.wire_format import AvroDecoder, RegistryUnavailable, Undecodable

RECORD = b"\0\0\0\0\7" + b"\2"
NO_SUCH_SCHEMA = json.dumps({"error_code": 40403, "message": "Schema 7 not found"}).encode()


class Registry(ThreadingHTTPServer):
    """Gives one answer to everything."""

    daemon_threads = True
    answer: tuple[int, bytes] = (200, b"")


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry(("127.0.0.1", 0), _Handler) as registry:
        threading.Thread(target=registry.serve_forever, daemon=True).start()
        yield registry
        registry.shutdown()


@pytest.fixture
def decoder(registry: Registry) -> AvroDecoder:
    address = f"http://127.0.0.1:{registry.server_port}"
    return AvroDecoder(SchemaRegistryClient({"url": address, "timeout": 5, "max.retries": 0}))


def test_a_schema_that_the_registry_does_not_know_makes_a_record_unreadable(
    registry: Registry, decoder: AvroDecoder
) -> None:
    registry.answer = (404, NO_SUCH_SCHEMA)
    with pytest.raises(Undecodable, match="no schema 7"):
        decoder.decode(RECORD)


@pytest.mark.parametrize(
    "answer",
    [
        (404, b"<h1>404 page not found</h1>"),
        (404, b'{"error_code": 404, "message": "HTTP 404 Not Found"}'),
        (401, b'{"error_code": 401, "message": "Unauthorized"}'),
        (500, b'{"error_code": 50001, "message": "Error in the backend data store"}'),
        (200, b"<h1>Maintenance</h1>"),
    ],
)
def test_any_other_answer_than_the_registrys_own_says_nothing_of_a_record(
    registry: Registry, decoder: AvroDecoder, answer: tuple[int, bytes]
) -> None:
    """A proxy before a registry that is away answers 404, too."""
    registry.answer = answer
    with pytest.raises(RegistryUnavailable):
        decoder.decode(RECORD)
    registry.answer = (200, json.dumps({"schema": '"long"'}).encode())
    assert decoder.decode(RECORD) == 1

"""A Kafka to try things with: `python kafka_server.py --port PORT`. Nothing it holds outlives it.

The brokers are librdkafka's mock cluster: real TCP, topics made when first named, groups, commits, idempotence. At
PORT, on loopback, answers as much of a schema registry's REST API as Confluent's clients need to register a schema and
to find one again, and `/bootstrap` tells where the brokers listen.
"""

from __future__ import annotations

import argparse
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from confluent_kafka import Producer

BROKERS = 1
NO_SUBJECT, NO_SCHEMA = 40401, 40403  # the registry API's error codes


class Schemas:
    """Schemas by id, and each subject's versions; the same text is the same schema."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: list[str] = []
        self._subjects: dict[str, list[int]] = {}

    def register(self, subject: str, text: str) -> int:
        """Make a schema the newest version of a subject, unless it is one of its versions already. Return its id."""
        with self._lock:
            if text not in self._texts:
                self._texts.append(text)
            schema_id = self._texts.index(text) + 1
            versions = self._subjects.setdefault(subject, [])
            if schema_id not in versions:
                versions.append(schema_id)
            return schema_id

    def text(self, schema_id: int) -> str | None:
        """Return the schema of an id; None: there is none."""
        with self._lock:
            return self._texts[schema_id - 1] if 0 < schema_id <= len(self._texts) else None

    def version(self, subject: str, number: str) -> dict[str, Any] | None:
        """Return a version of a subject as the registry's API describes it; None: there is none.

        Args:
            subject: The name of the subject.
            number: The number of the version, from 1, or "latest".
        """
        with self._lock:
            versions = self._subjects.get(subject, [])
            if not versions or not (number == "latest" or 0 < int(number) <= len(versions)):
                return None
            position = len(versions) if number == "latest" else int(number)
            schema_id = versions[position - 1]
            return {
                "subject": subject,
                "version": position,
                "id": schema_id,
                "schema": self._texts[schema_id - 1],
                "schemaType": "AVRO",
            }

    def subjects(self) -> list[str]:
        """Return the names of all subjects."""
        with self._lock:
            return sorted(self._subjects)


class Registry(BaseHTTPRequestHandler):
    """One request to the registry."""

    bootstrap = ""
    schemas = Schemas()

    def do_GET(self) -> None:
        """Answer with the brokers, a schema, a version or the subjects."""
        match self.path.partition("?")[0].strip("/").split("/"):
            case ["bootstrap"]:
                self._answer({"bootstrap.servers": self.bootstrap})
            case ["schemas", "ids", number] if number.isdigit():
                text = self.schemas.text(int(number))
                self._answer_or({"schema": text} if text else None, NO_SCHEMA, "Schema not found")
            case ["subjects"]:
                self._answer(self.schemas.subjects())
            case ["subjects", subject, "versions", number] if number.isdigit() or number == "latest":
                self._answer_or(self.schemas.version(subject, number), NO_SUBJECT, "Subject not found")
            case _:
                self._answer_or(None, 404, "HTTP 404 Not Found")

    def do_POST(self) -> None:
        """Register a schema, or say under which id it is registered."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match self.path.partition("?")[0].strip("/").split("/"):
            case ["subjects", subject, "versions"]:
                self._answer({"id": self.schemas.register(subject, body["schema"])})
            case ["subjects", subject]:
                newest = self.schemas.version(subject, "latest")
                self._answer_or(newest if newest and newest["schema"] == body["schema"] else None, NO_SCHEMA, "Unknown")
            case _:
                self._answer_or(None, 404, "HTTP 404 Not Found")

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: nobody reads it."""

    def _answer_or(self, body: object, code: int, message: str) -> None:
        if body is None:
            self._answer({"error_code": code, "message": message}, status=404)
        else:
            self._answer(body)

    def _answer(self, body: object, status: int = 200) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    cluster = Producer({"test.mock.num.brokers": BROKERS, "log_level": 3})  # the cluster lives as long as this client
    brokers = cluster.list_topics(timeout=10).brokers.values()
    Registry.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    ThreadingHTTPServer(("127.0.0.1", port), Registry).serve_forever()


if __name__ == "__main__":
    main()

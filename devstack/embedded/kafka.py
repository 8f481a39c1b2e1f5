"""The embedded Kafka: librdkafka's mock cluster and a small schema registry in one process, for demos and tests.

It keeps nothing: what was in its topics goes with it. `kafka_server.py` is the program.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

from devstack.embedded.store import EmbeddedStore


class EmbeddedKafka(EmbeddedStore):
    """Brokers that speak Kafka's protocol over TCP, and a schema registry.

    `port` is that of the registry: the brokers choose theirs at each start.
    """

    name = "kafka"
    moves = True

    @property
    def address(self) -> str:
        """The schema registry's URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of the brokers since the last start, as `host:port`, separated by commas.

        Raises:
            OSError: It does not run.
        """
        address = f"{self.address}/bootstrap"  # on loopback, http
        with urllib.request.urlopen(address, timeout=1) as answer:  # noqa: S310  # nosec B310
            servers: str = json.load(answer)["bootstrap.servers"]
        return servers

    def command(self) -> list[str]:
        """Return the command line of the program beside this module, with the interpreter of this process."""
        program = Path(__file__).with_name("kafka_server.py")
        return [sys.executable, "-I", str(program), "--port", str(self.port)]  # -I: `redis.py` here is not the package

    def answers(self) -> bool:
        """Tell whether the registry answers with the addresses of the brokers."""
        try:
            return bool(self.bootstrap_servers)
        except (OSError, ValueError):
            return False

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
    """Brokers that speak Kafka's protocol over TCP; `port` is the registry's, as the brokers choose theirs."""

    name = "kafka"
    moves = True

    @property
    def address(self) -> str:
        """The schema registry's URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def bootstrap_servers(self) -> str:
        """Where the brokers listen, of this start: another start has other ports. `OSError`: it does not run."""
        with urllib.request.urlopen(f"{self.address}/bootstrap", timeout=1) as answer:  # noqa: S310  loopback
            servers: str = json.load(answer)["bootstrap.servers"]
        return servers

    def command(self) -> list[str]:
        """The program beside this module, with the interpreter that runs us."""
        program = Path(__file__).with_name("kafka_server.py")
        return [sys.executable, "-I", str(program), "--port", str(self.port)]  # -I: `redis.py` here is not the package

    def answers(self) -> bool:
        """Whether it tells where its brokers are."""
        try:
            return bool(self.bootstrap_servers)
        except (OSError, ValueError):
            return False

"""One real Kafka broker (KRaft, broker and controller in one process) on loopback, its jars from Maven Central."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from devstack.embedded import free_port

HERE = Path(__file__).parent
JARS = HERE / "target" / "jars"
OLDEST_JAVA = 17
STARTING = 90.0  # seconds


class KafkaMissing(RuntimeError):
    """A broker cannot run on this machine; the message says what it lacks."""


def jars() -> str:
    """The class path of the broker; fetched the first time. KafkaMissing: there is no JDK or no Maven here."""
    java = shutil.which("java")
    if java is None:
        raise KafkaMissing("there is no `java`: a real Kafka broker needs a JDK of version 17 or newer")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise KafkaMissing(f"a real Kafka broker needs a JDK of version 17 or newer; here is {said.splitlines()[0]}")
    if not (JARS / "complete").exists():
        if shutil.which("mvn") is None:
            raise KafkaMissing("there is no `mvn`: Maven fetches the jars of a real Kafka broker")
        subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies"], cwd=HERE, check=True)
        (JARS / "complete").touch()
    return f"{JARS}/*"


class Broker:
    """A broker with its data in `directory`: started, killed and started again on the same port."""

    def __init__(self, directory: Path) -> None:
        self._classes = jars()
        self._directory = directory
        self._port, controller = free_port(), free_port()
        self._settings = directory / "server.properties"
        self.log = directory / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(
            "process.roles=broker,controller\nnode.id=1\n"
            f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
            f"listeners=PLAINTEXT://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{controller}\n"
            "controller.listener.names=CONTROLLER\n"
            f"log.dirs={directory / 'data'}\n"
            "num.partitions=6\noffsets.topic.num.partitions=4\noffsets.topic.replication.factor=1\n"
            "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
            "group.initial.rebalance.delay.ms=0\n"
            "broker.session.timeout.ms=3000\nbroker.heartbeat.interval.ms=500\n"  # found alive again soon after a kill
        )
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        subprocess.run(
            [*self._java("kafka.tools.StorageTool"), "format", "-t", cluster, "-c", str(self._settings)],
            check=True, capture_output=True,
        )  # fmt: skip

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and return when it answers."""
        with self.log.open("ab") as log:
            command = [*self._java("kafka.Kafka"), str(self._settings)]
            self._process = subprocess.Popen(command, cwd=self._directory, stdout=log, stderr=log)
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        deadline = time.monotonic() + STARTING
        while True:
            assert self._process.poll() is None, f"the broker ended: {self.log.read_text()[-3000:]}"
            try:
                admin.list_topics(timeout=1)
                return
            except KafkaException:
                assert time.monotonic() < deadline, f"the broker does not answer: {self.log.read_text()[-3000:]}"

    def make_topic(self, name: str, partitions: int = 6) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _java(self, main: str) -> list[str]:
        return ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", self._classes, main]

"""`make run KAFKA=1`: auction results reach a client, and conversation events Kafka, as docs/kafka.md shows it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.node import installed_clients, node_executable
from tests.devstack.up_process import PROJECT, Up
from tests.event_relay.reading import reading
from tests.eventually import eventually_sync

pytestmark = pytest.mark.slow
DOCUMENT = (PROJECT / "docs" / "kafka.md").read_text()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("up") / "data")
    up.start("--kafka")
    yield up
    assert up.stop() == 0


def running(up: Up) -> dict[str, str]:
    found: dict[str, str] = json.loads((up.data_dir / "services.json").read_text())
    return found


def publish(up: Up, bids: int) -> None:
    done = up.manage("publish_auction_results", "--auction-id", "3753", "--bids", str(bids), "--pause", "0")
    assert done.returncode == 0, done.stderr


def test_the_client_of_the_document_shows_the_auction(up: Up, tmp_path: Path) -> None:
    [script] = re.findall(r"```js\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    script = script.replace('require("socket.io-client")', 'require("socket.io-client-4")')
    (tmp_path / "watch.js").write_text(script.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{up.port}"))
    (tmp_path / "node_modules").symlink_to(installed_clients() / "node_modules")
    token = up.manage("issue_token", "--user-id", "7").stdout.strip()
    output = tmp_path / "output"
    with output.open("wb") as written:
        client = subprocess.Popen(
            [node_executable(), "watch.js", token], cwd=tmp_path, stdout=written, stderr=subprocess.STDOUT
        )
    try:
        publish(up, 3)
        eventually_sync(lambda: "3753 3 bids" in output.read_text(), "the client shows the third bid")
    finally:
        client.kill()
        client.wait()


def test_conversation_events_are_on_the_topic(up: Up) -> None:
    eventually_sync(lambda: "relaying to chozoi.conversations.events" in up.output, "the relay works")
    code = "from conversations.models import Room; Room.objects.create(room_id='1.2', buyer='1', seller='2')"
    assert up.manage("shell", "--no-imports", "-c", code).returncode == 0
    with reading(running(up)["kafka"], "chozoi.conversations.events", decode=bytes.hex) as read:  # type: ignore[arg-type]
        read.until(lambda events: bool(events), "an event")
    assert dict(read.records[0].headers() or [])["ce_type"] == b"room.created"


def test_after_kafkas_end_the_workers_work_with_the_next_one(up: Up) -> None:
    before = running(up)["kafka"]
    kafka = up.pid("kafka")
    assert kafka is not None
    os.kill(kafka, signal.SIGKILL)
    eventually_sync(lambda: up.output.count("consume_auction_results runs again") == 1, "the consumer runs again")
    assert running(up)["kafka"] != before
    publish(up, 1)

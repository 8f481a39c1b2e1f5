"""Events out, on a real broker: 5,000 of them, with broker and relay killed in the middle."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

from pymongo.database import Database

from tests.event_relay.chat import Chat
from tests.event_relay.reading import reading
from tests.eventually import eventually_sync
from tests.workers.worker_process import WorkerProcess

from .broker import Broker

ROOMS, ROUNDS, TOGETHER = 20, 25, 10  # 5,000 messages: in each round, each room gets ten that are stored together
TOPIC = "events-real"


def test_every_event_arrives_in_order_by_room_and_repeats_carry_their_id(
    broker: Broker, database: Database[dict[str, Any]], tmp_path: Path
) -> None:
    broker.make_topic(TOPIC)
    address = f"{os.environ['MONGODB_URI'].rsplit('/', 1)[0]}/{database.name}"
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "KAFKA_EVENTS_TOPIC": TOPIC,
        "MONGODB_URI": address,
    }
    relay = WorkerProcess("relay_events", tmp_path / "relay.log", environment)
    relay.start_ready()
    chats = [Chat(database) for _ in range(ROOMS)]
    for chat in chats:
        chat.create()
    expected: dict[str, list[str]] = {chat.id: [] for chat in chats}
    go_on = threading.Semaphore(0)

    def write() -> None:
        for number in range(ROUNDS):
            if number in (ROUNDS // 3, 2 * ROUNDS // 3):
                go_on.acquire(timeout=60)
            for chat in chats:
                expected[chat.id] += chat.say(*(f"{number} {place}" for place in range(TOGETHER)))

    writer = threading.Thread(target=write)
    writer.start()
    with reading(broker.bootstrap_servers, TOPIC) as read:
        read.until(lambda events: len(events) > 500, "the first events")
        broker.kill()
        go_on.release()  # changes go on while there is no broker
        eventually_sync(lambda: "kafka" in relay.summary().get("problems", {}), "the relay has noticed")
        broker.start()
        go_on.release()
        late = 2 * ROOMS * ROUNDS * TOGETHER // 3
        read.until(lambda events: len(events) > late + 300, "events after the broker's death")
        relay.kill()
        relay.start()
        writer.join()
        wanted = sum(map(len, expected.values())) + ROOMS
        read.until(lambda _: len(read.once()) >= wanted, "all events", within=90)
        assert relay.stop() == 0
        read.more(1.0)

    first_seen: dict[str, list[str]] = defaultdict(list)
    ids: dict[str, str] = {}
    for event in read.events:
        if event["type"] == "message.created":
            if event["subject"] not in ids:
                first_seen[event["partitionkey"]].append(event["subject"])
            assert ids.setdefault(event["subject"], event["id"]) == event["id"]
    assert first_seen == expected, "every message, once, in the order of its room"
    assert len(set(ids.values())) == ROOMS * ROUNDS * TOGETHER
    print(f"\n{len(read.events)} records for {wanted} events")

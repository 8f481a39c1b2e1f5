"""A process whose machine's clock is wrong: its messages get MongoDB's time, so that who catches up finds all."""

import asyncio
import os
import time
from pathlib import Path

import httpx
import pytest

from persistence.timestamps import from_wire

from .cluster import Cluster
from .conftest import Connect, NewRoom
from .server_process import PROJECT, ServerProcess
from .test_readiness import readyz

pytestmark = pytest.mark.slow

CLOCK = """
import time
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + {seconds}
time.time_ns = lambda: _time_ns() + {seconds} * 1_000_000_000
"""
"""What Python imports before all else, from a directory in PYTHONPATH."""


@pytest.mark.parametrize("seconds", [3600, -3600], ids=["ahead", "behind"])
async def test_who_catches_up_finds_all_messages_in_order(
    seconds: int, cluster: Cluster, server: ServerProcess, connect: Connect, new_room: NewRoom, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(CLOCK.format(seconds=seconds))
    path = os.pathsep.join([str(tmp_path), str(PROJECT)])
    wrong = await cluster.server(f"clock {seconds} s off", PYTHONPATH=path)
    try:
        room = new_room()
        buyer, seller = (
            await connect(room.buyer, to=server),
            await connect(room.seller, to=wrong, identity={"seconds": 8 * 3600}),
        )
        sent = []
        for number in range(6):
            sender, person = (seller, room.seller) if number % 2 == 0 else (buyer, room.buyer)
            await asyncio.sleep(0.3)  # a process knows MongoDB's time as well as one answer of it took
            sent.append((await sender.ask("new_message", room.message(person, str(number))))["message"])
        assert all(abs(from_wire(message["created_at"]).timestamp() - time.time()) < 30 for message in sent)
        query = {"room_id": room.id, "to": sent[0]["created_at"], "created_at": "1"}
        async with httpx.AsyncClient(base_url=server.url) as http:
            headers = {"Authorization": f"Bearer {room.buyer.token()}"}
            found = (await http.get("/v1/conversations/messages", params=query, headers=headers)).json()
        assert [message["content"] for message in found["data"]] == ["1", "2", "3", "4", "5"]
        status, body = await readyz(wrong)
        assert status == 200
        assert f"3600 s {'ahead of' if seconds > 0 else 'behind'} MongoDB" in body["clock"]
    finally:
        wrong.stop()
    assert wrong.log_since(0).count("The clock of this machine is 3600 s") == 1

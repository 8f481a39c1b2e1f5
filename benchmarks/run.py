"""`make bench`: every scenario against both servers, in one run, taking turns. See README.md for what is measured.

python -m benchmarks.run [--python .venv/bin/python] [--only relay chat idle] [--servers …] [--json FILE]
"""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pymongo
import uvloop

from . import load, processes
from .report import OURS, RIVAL, Scenario, as_json, as_table

IDLE_WARM_UP = 200  # sockets before the idle measurement: what a server allocates once is not a socket's cost


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure this server beside python-socketio.")
    parser.add_argument(
        "--python", default=".venv/bin/python", help="the interpreter that has the project's requirements"
    )
    parser.add_argument("--only", nargs="+", choices=("relay", "chat", "idle"), default=["relay", "chat", "idle"])
    parser.add_argument("--servers", nargs="+", choices=(OURS, RIVAL), default=[RIVAL, OURS])
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each scenario and server")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one measurement")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds of load before each measurement")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--sockets", type=int, default=2000, help="idle sockets for the memory measurement")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    return parser.parse_args()


def seed_rooms(uri: str, people: list[load.Pair]) -> None:
    """The rooms of the pairs, as the collections of the contract hold them."""
    now = datetime.now(UTC)
    with pymongo.MongoClient[dict[str, object]](uri) as client:
        rooms = client.get_default_database()["cz_rooms"]
        rooms.insert_many(
            {
                "_id": pair.room_id, "type": "BS", "creator": pair.buyer, "buyer": pair.buyer, "seller": pair.seller,
                "shop": {"id": pair.seller, "name": f"Shop {pair.seller}"},
                "buyer_info": {"name": f"Buyer {pair.buyer}"},
                "buyer_unseen_messages": 0, "seller_unseen_messages": 0, "deleted_by_buyer": False,
                "deleted_by_seller": False, "created_at": now, "updated_at": now, "__v": 0,
            }
            for pair in people
        )  # fmt: skip


def index_as_a_chat_needs(uri: str) -> None:
    """The least that any chat reads by: a room's history, a user's rooms. Ours has more (unseen messages, repeats)."""
    with pymongo.MongoClient[dict[str, object]](uri) as client:
        database = client.get_default_database()
        database["cz_messages"].create_index([("room_id", 1), ("created_at", 1), ("_id", 1)])
        database["cz_rooms"].create_index("buyer")
        database["cz_rooms"].create_index("seller")


class Run:
    """One run: its stores are up, its rooms exist."""

    def __init__(self, options: argparse.Namespace, stores: processes.Stores, directory: Path) -> None:
        self.options = options
        self.stores = stores
        self.directory = directory
        self.jwt_key = secrets.token_urlsafe(48)
        self.people = load.pairs(options.pairs)
        if OURS in options.servers:
            processes.migrate(stores, directory, self.jwt_key, options.python)
            seed_rooms(stores.mongodb_uri("ours"), self.people)
        if RIVAL in options.servers:
            index_as_a_chat_needs(stores.mongodb_uri("rival"))
            seed_rooms(stores.mongodb_uri("rival"), self.people)

    def server(self, name: str) -> AbstractContextManager[processes.Server]:
        """A fresh process of that server: no measurement inherits another's heap."""
        if name == OURS:
            return processes.our_server(self.stores, self.directory, self.jwt_key, self.options.python)
        return processes.rival_server(self.stores, self.directory)

    async def relay(self, server: processes.Server) -> float:
        return await self._throughput(load.measure_relay, server, in_flight=5)

    async def chat(self, server: processes.Server) -> float:
        return await self._throughput(load.measure_chat, server, in_flight=2)

    async def _throughput(self, measure: Callable[..., object], server: processes.Server, in_flight: int) -> float:
        result = await measure(  # type: ignore[misc]
            server.port,
            self.people,
            self.jwt_key,
            in_flight=in_flight,
            warm_up=self.options.warm_up,
            seconds=self.options.seconds,
        )
        assert isinstance(result, load.Throughput)
        return result.per_second

    async def idle(self, server: processes.Server) -> float:
        """Bytes of resident memory that one more connected, silent socket costs."""
        held = await load.hold_idle(server.port, 0, IDLE_WARM_UP, self.jwt_key)
        await asyncio.sleep(2)
        before = server.resident_bytes()
        held += await load.hold_idle(server.port, IDLE_WARM_UP, self.options.sockets, self.jwt_key)
        await asyncio.sleep(2)
        cost = (server.resident_bytes() - before) / self.options.sockets
        for socket in held:
            socket.transport.close()
        return cost / 1024


def main() -> None:
    options = arguments()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {processes.LOAD_CORE})
    all_scenarios = {
        "relay": Scenario("relay", f"relay: {options.pairs} pairs, 5 typing in flight", "events/s", True, "≥ 30 ×"),
        "chat": Scenario("chat", f"chat: {options.pairs} pairs, 2 new_message in flight", "messages/s", True, "≥ 4 ×"),
        "idle": Scenario("idle", f"idle socket, {options.sockets} of them", "KiB each", False, "≤ 1 ×"),
    }
    scenarios = [all_scenarios[key] for key in options.only]
    with tempfile.TemporaryDirectory(prefix="chozoi-bench-") as name, processes.stores(Path(name)) as stores:
        run = Run(options, stores, Path(name))
        for round_number in range(1, options.rounds + 1):
            for scenario in scenarios:
                for name in options.servers:
                    with run.server(name) as server:
                        figure = uvloop.run(getattr(run, scenario.key)(server))
                    scenario.add(name, figure)
                    print(
                        f"round {round_number}: {scenario.key:5} {name:15} {figure:10,.1f} {scenario.unit}",
                        file=sys.stderr,
                        flush=True,
                    )
    print(as_table(scenarios))
    if options.json:
        options.json.write_text(as_json(scenarios) + "\n")


if __name__ == "__main__":
    main()

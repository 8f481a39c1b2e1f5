"""`make bench`: every scenario against every server, in one run, taking turns. README.md says what is measured.

python -m benchmarks.run [--python .venv/bin/python] [--only one two] [--servers …] [--rounds 3] [--json FILE]
"""

import argparse
import asyncio
import os
import secrets
import shutil
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pymongo
import uvloop

from . import load, polling, processes, storm
from .processes import NODE, OURS, PYTHON, RUST
from .report import Figure, as_json, as_markdown, describe_machine, draw, write_into

HERE = Path(__file__).resolve().parent
IDLE_WARM_UP = 200  # sockets before the idle measurement: what a server allocates once is not a socket's cost


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure this server beside others.")
    parser.add_argument(
        "--python", default=".venv/bin/python", help="the interpreter that has the project's requirements"
    )
    parser.add_argument("--only", nargs="+", choices=("one", "two"), default=["one", "two"], help="so many processes")
    parser.add_argument("--servers", nargs="+", choices=(OURS, NODE, PYTHON, RUST), default=[OURS, NODE, PYTHON, RUST])
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each scenario and server")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    parser.add_argument("--warm-up", type=float, default=1.0, help="seconds of load before each measurement")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--sockets", type=int, default=1000, help="of broadcast, storm, and idle ones")
    parser.add_argument("--json", type=Path, help="write all figures to this file too")
    parser.add_argument("--publish", action="store_true", help="write RESULTS.md and results.png")
    return parser.parse_args()


def all_figures(sockets: int) -> list[Figure]:
    figures = []
    broadcast = f"broadcast to {sockets:,}"
    for key, title in (("relay", "relay"), ("relay2", "relay, two processes"), ("broadcast", broadcast),
                       ("polling", "polling"), ("chat", "chat"), ("chat2", "chat, two processes")):  # fmt: skip
        figures += [
            Figure(f"{key}.rate", title, "events/s", True),
            Figure(f"{key}.cpu", f"{title}: processor time", "µs an event", False, 1),
            *(Figure(f"{key}.p{share}", f"{title}: p{share}", "ms", False, 1) for share in (50, 95, 99)),
        ]
    return [
        *figures,
        Figure("connects.rate", "connects", "a second", True),
        Figure("connects.cpu", "connects: processor time", "ms each", False, 2),
        Figure("idle", "an idle socket", "KiB", False, 1),
        Figure("storm.seconds", "storm: until all are back", "s", False, 1),
        Figure("storm.p99", "storm: p99 of light load meanwhile", "ms", False, 1),
        Figure("resident", "resident memory after all loads", "MB", False),
    ]


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
        self.figures = {figure.key: figure for figure in all_figures(options.sockets)}
        if OURS in options.servers:
            processes.migrate(stores, directory, self.jwt_key, options.python)
            seed_rooms(stores.mongodb_uri("ours"), self.people)
        index_as_a_chat_needs(stores.mongodb_uri("rival"))
        seed_rooms(stores.mongodb_uri("rival"), self.people)

    def server(self, name: str, count: int) -> AbstractContextManager[processes.Server]:
        """Fresh processes of that server: no round inherits another's heap."""
        if name == OURS:
            return processes.our_server(count, self.stores, self.directory, self.jwt_key, self.options.python)
        return processes.rival_server(name, count, self.stores, self.directory)

    async def one_process(self, name: str, server: processes.Server) -> None:
        """All scenarios of one process, idle memory first: nothing else has grown it yet."""
        await self._connects_and_idle(name, server)
        timing, port = self._timing(server), server.ports
        self._note(name, "relay", await load.measure_relay(port, self.people, self.jwt_key, in_flight=5, timing=timing))
        pair, sockets = self.people[0], self.options.sockets
        broadcast = await load.measure_broadcast(port, pair, self.jwt_key, sockets=sockets, timing=timing)
        self._note(name, "broadcast", broadcast)
        self._note(name, "polling", await polling.measure(port[0], self.people[:20], self.jwt_key, timing))
        if name != RUST:
            chat = await load.measure_chat(port, self.people, self.jwt_key, in_flight=2, timing=timing)
            self._note(name, "chat", chat)
        self.figures["resident"].add(name, server.resident_bytes() / 1e6)

    async def two_processes(self, name: str, server: processes.Server) -> None:
        """Buyers on one, sellers on the other; then one is killed."""
        timing, ports = self._timing(server), server.ports
        relay = await load.measure_relay(ports, self.people, self.jwt_key, in_flight=5, timing=timing)
        self._note(name, "relay2", relay)
        if name != RUST:
            chat = await load.measure_chat(ports, self.people, self.jwt_key, in_flight=2, timing=timing)
            self._note(name, "chat2", chat)
        event = "typing" if name == RUST else "new_message"
        seen = await storm.measure(server, self.people[:10], self.jwt_key, sockets=self.options.sockets, event=event)
        self.figures["storm.seconds"].add(name, seen.seconds)
        self.figures["storm.p99"].add(name, load.percentile(seen.waits, 0.99))

    def _timing(self, server: processes.Server) -> load.Timing:
        return load.Timing(self.options.warm_up, self.options.seconds, server.work)

    def _note(self, name: str, key: str, seen: load.Throughput) -> None:
        self.figures[f"{key}.rate"].add(name, seen.per_second)
        self.figures[f"{key}.cpu"].add(name, seen.work / max(seen.events, 1) * 1e6)
        for share in (50, 95, 99):
            self.figures[f"{key}.p{share}"].add(name, load.percentile(seen.waits, share / 100))

    async def _connects_and_idle(self, name: str, server: processes.Server) -> None:
        """Connects a second, and resident memory that one more connected, silent socket costs."""
        count = self.options.sockets
        held = await load.hold_idle(server.ports[0], 0, IDLE_WARM_UP, self.jwt_key)
        await asyncio.sleep(1)
        before, worked, began = server.resident_bytes(), server.work(), time.perf_counter()
        held += await load.hold_idle(server.ports[0], IDLE_WARM_UP, count, self.jwt_key)
        self.figures["connects.rate"].add(name, count / (time.perf_counter() - began))
        self.figures["connects.cpu"].add(name, (server.work() - worked) / count * 1000)
        await asyncio.sleep(1)
        self.figures["idle"].add(name, (server.resident_bytes() - before) / count / 1024)
        for socket in held:
            socket.transport.close()
        await asyncio.sleep(1)


def present(servers: list[str]) -> list[str]:
    """Those whose toolchain is here."""
    there = {
        OURS: True,
        PYTHON: True,
        NODE: (processes.RIVALS / "node" / "node_modules").is_dir() and bool(shutil.which("node")),
    }
    there[RUST] = processes.RUST_BINARY.exists()
    for server in servers:
        if not there[server]:
            print(f"{server} is not built here, and not measured", file=sys.stderr)
    return [server for server in servers if there[server]]


def main() -> None:
    options = arguments()
    options.servers = present(options.servers)
    machine = describe_machine(os.getloadavg())
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {processes.LOAD_CORE})
    with tempfile.TemporaryDirectory(prefix="chozoi-bench-") as name, processes.stores(Path(name)) as stores:
        run = Run(options, stores, Path(name))
        for number in range(options.rounds):
            turn = number % len(options.servers)
            for server_name in [*options.servers[turn:], *options.servers[:turn]]:
                for word, count in (("one", 1), ("two", 2)):
                    if word in options.only:
                        began = time.perf_counter()
                        try:
                            with run.server(server_name, count) as server:
                                measure = run.one_process if count == 1 else run.two_processes
                                uvloop.run(measure(server_name, server))
                        except (OSError, processes.NotStarted) as error:  # the others are measured all the same
                            print(f"{server_name}, {word}: {error!r}", file=sys.stderr, flush=True)
                        took = time.perf_counter() - began
                        print(f"round {number + 1}: {server_name}, {word}: {took:.0f} s", file=sys.stderr, flush=True)
    figures = [figure for figure in run.figures.values() if figure.values]
    table = as_markdown(figures, options.servers, machine)
    print(table)
    if options.json:
        options.json.write_text(as_json(figures, machine) + "\n")
    if options.publish:
        write_into(HERE / "RESULTS.md", table)
        draw([figure for figure in figures if ".p" not in figure.key], options.servers, HERE / "results.png")


if __name__ == "__main__":
    main()

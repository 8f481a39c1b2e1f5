"""What one server process costs, for the sizing table of docs/deploy.md: this server alone, its CPU time and memory.

    .venv-bench/bin/python -m benchmarks.sizing --python .venv/bin/python

CPU time of the process, and not the clock's, so that what else the machine does moves the figures little. Each cost is
the difference of a long and a short measurement, so that what connecting costs falls out. That is measured by itself.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from . import load, processes
from .report import OURS
from .run import IDLE_WARM_UP, Run

SHORT, LONG = 1.0, 6.0
"""Seconds of the two measurements."""
Measure = Callable[..., Awaitable[load.Throughput]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what one process of this server costs.")
    parser.add_argument("--python", default=".venv/bin/python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--sockets", type=int, default=2000)
    return parser.parse_args()


async def cost(run: Run, server: processes.Server, measure: Measure, in_flight: int) -> float:
    """Milliseconds of CPU that an event takes."""
    spent, counted = [], []
    for seconds in (SHORT, LONG):
        before = server.cpu_seconds()
        result = await measure(server.port, run.people, run.jwt_key, in_flight=in_flight, warm_up=0.0, seconds=seconds)
        await asyncio.sleep(1)
        spent.append(server.cpu_seconds() - before)
        counted.append(result.events)
    return (spent[1] - spent[0]) / (counted[1] - counted[0]) * 1000


async def memory(run: Run, server: processes.Server) -> tuple[float, float, float]:
    """Megabytes of a process with its first sockets; kilobytes, and milliseconds of CPU, of one more silent socket."""
    held = await load.hold_idle(server.port, 0, IDLE_WARM_UP, run.jwt_key)
    await asyncio.sleep(2)
    before, spent = server.resident_bytes(), server.cpu_seconds()
    held += await load.hold_idle(server.port, IDLE_WARM_UP, run.options.sockets, run.jwt_key)
    await asyncio.sleep(2)
    spent = server.cpu_seconds() - spent
    each = (server.resident_bytes() - before) / run.options.sockets
    for socket in held:
        socket.transport.close()
    return before / 1e6, each / 1e3, spent / run.options.sockets * 1000


def main() -> None:
    options = arguments()
    options.servers = [OURS]
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="chozoi-bench-") as name, processes.stores(Path(name)) as stores:
        run = Run(options, stores, Path(name))
        for _ in range(options.rounds):
            with run.server(OURS) as server:
                relay = uvloop.run(cost(run, server, load.measure_relay, 5))
            with run.server(OURS) as server:
                chat = uvloop.run(cost(run, server, load.measure_chat, 2))
            with run.server(OURS) as server:
                base, each, connecting = uvloop.run(memory(run, server))
            round_ = {
                "ms of CPU an event that is relayed": relay,
                "ms of CPU a message that is stored": chat,
                "ms of CPU a connection": connecting,
                "MB of a process": base,
                "KB an idle socket": each,
            }
            for what, figure in round_.items():
                figures.setdefault(what, []).append(figure)
    for what, measured in figures.items():
        print(f"{statistics.median(measured):8.3f} [{min(measured):.3f} … {max(measured):.3f}] {what}")


if __name__ == "__main__":
    main()

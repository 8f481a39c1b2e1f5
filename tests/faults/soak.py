"""`python -m tests.faults.soak SECONDS`: many messages and clients that come and go; what grows without end shows.

Two servers, six pairs that write to each other, and crowds that connect and break off. Memory is to be at the end what
it was in the middle of the time; descriptors and asyncio tasks, once all have left, what they were at the beginning.
"""

import asyncio
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.clients.driver import Driver
from tests.e2e.server_process import ServerProcess

from .findings import Findings, Instants, take_messages, take_people
from .run import PAIRS, UNANSWERED
from .scenarios import Stage
from .system import System, descriptors, end_tidily_on_sigterm, memory
from .traffic import Traffic

TASK_COUNT = Path(__file__).parent / "task_count"
EVERY = 10.0
"""Seconds from one look at the processes to the next; in a short run there are nine looks."""
GROWTH = 0.03
"""Of its memory in the middle third of the time, so much may a process grow by the last third."""
LEFT_OVER = {"descriptors": 20, "tasks": 4}
"""So many more may be left when all clients have gone: pools keep connections to the stores."""
BREATH = 8.0
"""Seconds after the last client has gone in which sessions end."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process."""

    memory: float
    descriptors: int
    tasks: int

    def __str__(self) -> str:
        return f"{self.memory:.0f} MB, {self.descriptors} descriptors, {self.tasks} tasks"


async def look(server: ServerProcess, counts: Path) -> Sample:
    """Have a server count its tasks, and see what it holds."""
    (counts / str(server.pid)).unlink(missing_ok=True)
    os.kill(server.pid, signal.SIGUSR1)
    async with asyncio.timeout(10):
        while not (text := _read(counts / str(server.pid))):
            await asyncio.sleep(0.02)
    return Sample(memory(server.pid), descriptors(server.pid), int(text))


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def judge(name: str, before: Sample, during: Sequence[Sample], after: Sample) -> list[str]:
    """What is not flat of one process, in words; empty: all is."""
    third = len(during) // 3
    middle, last = (
        statistics.median(sample.memory for sample in part) for part in (during[third : 2 * third], during[2 * third :])
    )
    grown = []
    if last > middle * (1 + GROWTH):
        grown.append(f"{name}: memory grew from {middle:.1f} to {last:.1f} MB in the last third")
    for what, few in LEFT_OVER.items():
        first, left = getattr(before, what), getattr(after, what)
        if left > first + few:
            grown.append(f"{name}: {left} {what} are left where {first} were before anybody came")
    return grown


async def soak(driver: Driver, directory: Path, seconds: float) -> list[str]:
    """Run it; what is not as it has to be, in words."""
    counts = directory / "tasks"
    counts.mkdir()
    hook = {"PYTHONPATH": str(TASK_COUNT), "TASK_COUNTS": str(counts)}
    findings = Findings("Soak", recovery=True)
    async with System(directory, recovery=True) as system, system.servers("soak", hook, {}) as servers:
        await asyncio.sleep(2)
        before = [await look(server, counts) for server in servers]
        during: list[list[Sample]] = []
        began = time.monotonic()
        async with Traffic(driver, system.database, servers, PAIRS) as traffic:
            stage = Stage(system, traffic, (servers[0], servers[1]), 0)
            traffic.come_and_go()
            looks = max(9, int(seconds / EVERY))
            for number in range(looks):
                crowd = asyncio.create_task(stage.call_crowd("storm", seconds / looks / 3, sockets=20))
                await asyncio.sleep(max(0.0, began + (number + 1) * seconds / looks - time.monotonic()))
                await crowd
                during.append([await look(server, counts) for server in servers])
            findings.unanswered = await traffic.silence(UNANSWERED)
            await asyncio.sleep(2)
            whole = Instants(began, began, time.monotonic())
            take_people(findings, traffic, whole, ())
            take_messages(findings, traffic, system.database, whole)
        await asyncio.sleep(BREATH)
        after = [await look(server, counts) for server in servers]
    print(f"{findings.acked} of {findings.messages} messages acknowledged, {findings.missed} missed", flush=True)
    problems = [f"{name}: {count}" for name, count in findings.broken().items()]
    for number, server in enumerate(("first", "second")):
        of_server = [samples[number] for samples in during]
        print(f"{server}: {before[number]} | {of_server[0]} | {of_server[-1]} | all gone: {after[number]}")
        problems += judge(server, before[number], of_server, after[number])
    return problems


async def main(seconds: float) -> int:
    end_tidily_on_sigterm()
    directory = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        async with Driver() as driver:
            problems = await soak(driver, directory, seconds)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print("\n".join(["not flat:", *problems]) if problems else f"flat after {seconds:g} s")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(float(sys.argv[1]))))

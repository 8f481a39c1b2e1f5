"""`manage.py chat`: a user in a terminal, and a real client on the other side."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from tests.e2e.cluster import Cluster
from tests.e2e.conftest import Connect
from tests.e2e.people import Person, Room
from tests.e2e.server_process import PROJECT, ServerProcess

WITHIN = 30.0  # seconds; generous, as Django starts in them

pytestmark = pytest.mark.slow


class Terminal:
    """A run of the command: lines go in, lines come out."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.seen: list[str] = []

    def type(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    async def shows(self, text: str) -> None:
        """Wait for a line with this text."""
        assert self._process.stdout is not None
        async with asyncio.timeout(WITHIN):
            while line := (await self._process.stdout.readline()).decode():
                self.seen.append(line.rstrip())
                if text in line:
                    return
        raise AssertionError(f"no {text!r} in {self.seen}")

    async def ends(self) -> tuple[int, str]:
        """Close the input; the status and what was said of errors."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(WITHIN):
            output, errors = await self._process.communicate()
        self.seen += output.decode().splitlines()
        assert self._process.returncode is not None
        return self._process.returncode, errors.decode()


OpenTerminal = Callable[..., Awaitable[Terminal]]


@pytest_asyncio.fixture(loop_scope="session")
async def terminal(cluster: Cluster) -> AsyncIterator[OpenTerminal]:
    """Opens a terminal for somebody, to talk to somebody on a server."""
    processes: list[Process] = []

    async def open_terminal(person: Person, other: Person, server: ServerProcess) -> Terminal:
        words = ("--as", person.user_id, "--role", person.role, "--to", other.user_id, "--url", server.url)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "manage.py", "chat", *words),
            cwd=PROJECT,
            env={**os.environ, **cluster.environment},
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        processes.append(process)
        return Terminal(process)

    yield open_terminal
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_two_people_talk(room: Room, server: ServerProcess, connect: Connect, terminal: OpenTerminal) -> None:
    """History first, then lines both ways; what was read is marked as seen; control characters stay harmless."""
    seller = await connect(room.seller)
    before = await seller.ask("new_message", room.message(room.seller, "Good morning!"))
    buyer = await terminal(room.buyer, room.seller, server)
    await buyer.shows(f"{room.seller.user_id}: Good morning!")
    await buyer.shows(room.id)
    assert (await seller.expect("seen_messages"))["last_message_id"] == before["message"]["_id"]
    buyer.type("Is the teapot still there?")
    message = await seller.expect("new_message", content="Is the teapot still there?")
    assert message["from"] == room.buyer.user_id
    await buyer.shows("you: Is the teapot still there?")
    seller.emit("typing", room.sides(room.seller))
    await buyer.shows("is typing")
    seller.emit("new_message", room.message(room.seller, "Yes \x1b[2J it is"))
    await buyer.shows("Yes �[2J it is")
    buyer.type("/emoji 👍")
    assert (await seller.expect("new_message", type="EMOJI"))["content"] == "👍"
    status, errors = await buyer.ends()
    assert status == 0
    assert "Traceback" not in errors


async def test_a_pipe_is_sent_to_its_end(
    room: Room, server: ServerProcess, connect: Connect, terminal: OpenTerminal
) -> None:
    buyer = await connect(room.buyer)
    seller = await terminal(room.seller, room.buyer, server)
    for number in range(5):
        seller.type(f"line {number}")
    assert (await seller.ends())[0] == 0
    assert [message["content"] for message in buyer.received("new_message")] == [f"line {n}" for n in range(5)]


async def test_after_a_restart_of_the_server_nothing_is_missed_or_lost(
    cluster: Cluster, room: Room, connect: Connect, terminal: OpenTerminal
) -> None:
    other = await cluster.server("terminal")
    seller = await connect(room.seller)
    buyer = await terminal(room.buyer, room.seller, other)
    await buyer.shows(room.id)
    other.kill()
    await buyer.shows("trying again")
    await seller.ask("new_message", room.message(room.seller, "Said meanwhile"))
    buyer.type("Written meanwhile")
    await other.start()
    await buyer.shows("Said meanwhile")
    await seller.expect("new_message", content="Written meanwhile", within=WITHIN)
    other.stop()


async def test_a_refusal_is_said(
    room: Room, server: ServerProcess, connect: Connect, terminal: OpenTerminal, cluster: Cluster
) -> None:
    nobody = await terminal(room.buyer, room.buyer, server)
    status, errors = await nobody.ends()
    assert status == 1
    assert "buyer_is_seller" in errors
    assert "Traceback" not in errors

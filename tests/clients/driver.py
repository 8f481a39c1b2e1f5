"""The Node.js process that hosts real clients: starts it, writes commands to it, hands each report to its client."""

import asyncio
import base64
import itertools
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from .node import installed_clients, node_executable

Report = dict[str, Any]
LONGEST_LINE = 64 * 1024 * 1024  # a report with a message of the largest size that tests send


class Driver:
    """One Node.js process for many clients, used by the event loop that started it: `async with Driver() as driver`.

    With `page`, its clients live in something like a browser's page (page.js), where they can use JSONP.
    """

    def __init__(self, *, page: bool = False) -> None:
        self._page = page
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None]
        self._receivers: dict[str, Callable[[Report], None]] = {}
        self._names = itertools.count(1)
        self._ready = asyncio.Event()

    async def __aenter__(self) -> Self:
        folder = installed_clients()
        self._process = await asyncio.create_subprocess_exec(
            node_executable(),
            *(["--require", str(folder / "page.js")] if self._page else []),
            str(folder / "driver.js"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
        )
        self._reading = asyncio.create_task(self._read())
        await asyncio.wait_for(self._ready.wait(), 30)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading

    def add(self, receiver: Callable[[Report], None]) -> str:
        """A name for a new client; `receiver` gets every report about it."""
        name = f"client-{next(self._names)}"
        self._receivers[name] = receiver
        return name

    def remove(self, client: str) -> None:
        del self._receivers[client]

    def tell(self, client: str, command: str, **arguments: Any) -> None:
        """Write one command. Commands are carried out in the order written; what they bring about is reported."""
        assert self._process.stdin is not None
        line = json.dumps({"do": command, "client": client, **arguments}, default=_packed)
        self._process.stdin.write(line.encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            report: Report = json.loads(line, object_hook=_unpacked if b'"$bytes"' in line else None)
            if report["kind"] == "ready":
                self._ready.set()
            elif receiver := self._receivers.get(report["client"]):
                receiver(report)


def _packed(value: Any) -> dict[str, str]:
    """Binary, as it travels in the lines of both directions."""
    if not isinstance(value, bytes):
        raise TypeError(f"{value!r} cannot be sent to a client: neither JSON nor bytes")
    return {"$bytes": base64.b64encode(value).decode()}


def _unpacked(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["$bytes"]) if value.keys() == {"$bytes"} else value

"""One process that serves the application, and the file that all of them write to."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from devstack.embedded import free_port

PROJECT = Path(__file__).resolve().parents[2]
STARTING = 30.0  # seconds, on a busy machine


class Process:
    """The application on a free port of 127.0.0.1; `options` are the bridge's, `prefix` is what its cluster has in
    common.
    """

    def __init__(
        self, directory: Path, redis_url: str, options: dict[str, Any] | None = None, prefix: str = "stock-clients"
    ) -> None:
        self.port = free_port()
        self.name = str(self.port)  # which the application gives in its welcome
        self.log = directory / f"{self.name}.log"
        self.record = directory / "record.jsonl"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
            "PORT": self.name, "REDIS_URL": redis_url, "RECORD": str(self.record),
            "OPTIONS": json.dumps(options or {}), "PREFIX": prefix,
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start, or start again on the same port; return when it takes connections."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.stock_clients.application"],
                cwd=PROJECT, env=self._environment, stdout=output, stderr=output,
            )  # fmt: skip
        async with asyncio.timeout(STARTING):
            while self._process.poll() is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return
        raise RuntimeError(f"the application did not start:\n{self.log.read_text()[-4000:]}")

    async def kill(self) -> None:
        """End it by SIGKILL: no goodbye to anybody."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, and insist after some seconds."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        try:
            await asyncio.to_thread(process.wait, 10)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    def recorded(self) -> list[dict[str, Any]]:
        """The lines that all processes have written."""
        return [json.loads(line) for line in self.record.read_text().splitlines()] if self.record.exists() else []

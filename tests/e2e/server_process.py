"""One server under test: a process of its own, as production starts it, its log in a file."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from devstack.embedded import free_port

PROJECT = Path(__file__).resolve().parents[2]
STARTING = 60.0  # seconds; a cold start on a busy machine of two cores


class NotReady(RuntimeError):
    """The server did not become ready; the message carries its log."""


class ServerProcess:
    """`manage.py serve` of `project` on a free port of 127.0.0.1."""

    def __init__(self, environment: Mapping[str, str], log: Path, project: Path = PROJECT) -> None:
        self.log = log
        self._project = project
        self._environment = {**os.environ, **environment}
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was not started"
        return self._process.pid

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start, or start again on the same port, and wait for `/readyz`. Raises NotReady."""
        self._launch()
        answer = "no answer"
        try:
            async with asyncio.timeout(STARTING):
                while self.alive():
                    answer = await asyncio.to_thread(self._readiness)
                    if answer == "ready":
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        self.kill()
        raise NotReady(f"/readyz of {self.url}: {answer}; its log ends:\n{self.log_since(0)[-4000:]}")

    def _launch(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self._port)],
                cwd=self._project,
                env=self._environment,
                stdout=output,
                stderr=output,
            )

    def _readiness(self) -> str:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as response:
                return "ready" if response.status == 200 else f"status {response.status}"
        except (urllib.error.URLError, OSError) as error:
            return repr(error)

    def kill(self) -> None:
        """End it by SIGKILL: no goodbye to anybody."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end (SIGTERM), and insist after some seconds."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(25)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def log_since(self, position: int) -> str:
        """What it logged after the first `position` bytes."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace")

"""A worker under test: `manage.py COMMAND` as a process of its own, as production starts it, its log in a file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.embedded import free_port
from tests.eventually import PATIENCE, eventually_sync

PROJECT = Path(__file__).resolve().parents[2]


class WorkerProcess:
    """One worker: started, asked, stopped or killed from outside; started again with the same settings."""

    def __init__(self, command: str, log: Path, environment: Mapping[str, str]) -> None:
        self.command = command
        self.log = log
        self.environment = {**os.environ, **environment}
        self._port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """Start it, without waiting for anything."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", self.command, "--status-port", str(self._port), *arguments],
                cwd=PROJECT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def start_ready(self, *arguments: str) -> None:
        """Start it, and return when it is ready."""
        self.start(*arguments)
        eventually_sync(lambda: self.summary().get("status") == "ok" or not self.alive(), f"{self.command} is ready")
        assert self.alive(), self.output

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status. Nothing when it does not run."""
        if self.process is None or self.process.returncode is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    @property
    def output(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def summary(self) -> dict[str, Any]:
        """What `/readyz` says; empty when nobody answers."""
        try:
            answer: dict[str, Any] = json.loads(self._get("/readyz"))
        except OSError:
            return {}
        return answer

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = [line for line in self._get("/metrics").splitlines() if line.startswith((f"{name}{{", f"{name} "))]
        assert lines, f"there is no metric {name}"
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def _get(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()

"""Several server processes behind one MongoDB and one Redis, by name."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from .people import JWT_KEY
from .server_process import PROJECT, ServerProcess


class Cluster:
    """Starts servers when they are first asked for, and stops them all at the end.

    `directory`: for their data and logs. `project`: whose code they run.
    """

    def __init__(self, mongodb_uri: str, redis_url: str, directory: Path, project: Path = PROJECT) -> None:
        self.environment = {
            "MONGODB_URI": mongodb_uri,
            "REDIS_ADDRESS": redis_url,
            "DATA_DIR": str(directory / "data"),
            "AUTH_JWT_KEY": JWT_KEY,
            "SECRET_KEY": "only-for-these-tests",
            "DEBUG": "false",
            "ALLOWED_HOSTS": "127.0.0.1",
        }
        self._directory = directory
        self._project = project
        self._servers: dict[str, ServerProcess] = {}
        self._marks: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.manage, "migrate", "--verbosity", "0")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # In threads: what lies between them and their stores may live in this event loop.
        await asyncio.gather(*(asyncio.to_thread(server.stop) for server in self._servers.values()))

    async def server(self, name: str, **settings: str) -> ServerProcess:
        """The running server of that name; `settings` go into the environment of one that is not known yet."""
        if name not in self._servers:
            log = self._directory / f"{name}.log"
            self._servers[name] = ServerProcess({**self.environment, **settings}, log, self._project)
        if not self._servers[name].alive():
            await self._servers[name].start()
        return self._servers[name]

    def manage(self, *command: str) -> str:
        """Run a management command in these settings; its output. Raises RuntimeError with its errors."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            check=False,
            cwd=self._project,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        return done.stdout

    def mark_logs(self) -> None:
        """What is logged from here on belongs to the test that begins."""
        self._marks = {name: server.log_size() for name, server in self._servers.items()}

    def logs_since_mark(self) -> Iterator[tuple[str, str]]:
        for name, server in self._servers.items():
            if text := server.log_since(self._marks.get(name, 0)):
                yield name, text[-8000:]

"""A stranger's project, to put our distributions in: an empty environment and an empty folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.embedded import free_port
from tests.serving import start_server


class NewProject:
    """An empty environment that finds our wheels, and an empty folder.

    Attributes:
        directory: The folder.
        bin: Where the environment has its programs.
        python: Its interpreter.
        environment: The environment variables of what runs there.
    """

    def __init__(self, directory: Path, wheels: Path) -> None:
        self.directory = directory / "project"
        self.directory.mkdir()
        python = os.environ.get("DIST_PYTHON", sys.executable)
        self.bin = directory / "environment" / "bin"
        self.python = self.bin / "python"
        subprocess.run([python, "-m", "venv", "--without-pip", self.bin.parent], check=True)
        # Debian's venv has no pip of its own without another package.
        pip = self.bin / "pip"
        pip.write_text(f'#!/bin/sh\nexec {sys.executable} -m pip --python {self.python} "$@"\n')
        pip.chmod(0o755)
        kept = {name: os.environ[name] for name in os.environ if not name.startswith(("DJANGO_", "PYTHON"))}
        links = f"{wheels} {os.environ.get('PIP_FIND_LINKS', '')}"
        self.environment = kept | {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PIP_FIND_LINKS": links,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, *command: str) -> str:
        """Run a program of the environment in the folder; its output."""
        done = subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def serving(self, command: list[str]) -> Iterator[str]:
        """Run a server on a free port; its URL. SIGTERM ends it in the end."""
        port = str(free_port())
        url, log = f"http://127.0.0.1:{port}", self.directory.parent / f"{command[0]}-{port}.log"
        program: list[str | Path] = [self.bin / command[0], *command[1:], "--port", port]
        process = start_server(program, url, cwd=self.directory, env=self.environment, log=log)
        try:
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)
        assert "Traceback" not in log.read_text(), log.read_text()[-4000:]

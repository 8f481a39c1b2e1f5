"""Distributions as a stranger meets them: what they declare, what is built, and an empty environment to put them in."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.eventually import eventually_sync

PROJECT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = {
    "PIL": "Pillow", "bson": "pymongo", "confluent_kafka": "confluent-kafka",
    "django_mongodb_backend": "django-mongodb-backend", "django_stubs_ext": "django-stubs-ext",
    "drf_spectacular": "drf-spectacular", "engineio": "python-engineio", "jwt": "PyJWT", "re2": "google-re2",
    "rest_framework": "djangorestframework", "socketio_bridge": "channels-socketio",
}  # fmt: skip
"""Those that are not called as what they bring."""
UNPACKED = (".*", "__pycache__", "node_modules", "dist", "test-artefacts", "tests", "benchmarks")
STARTING = 30.0  # seconds, on a busy machine


def third_party(module: Path, *own: str) -> set[str]:
    """The distributions that a module imports, wherever in it, but for the packages `own`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return {normalized(DISTRIBUTIONS.get(name, name)) for name in names - set(own) - sys.stdlib_module_names}


def names_of(requirements: list[str]) -> set[str]:
    return {normalized(re.split(r"[\[><=~! ;]", requirement)[0]) for requirement in requirements}


def normalized(name: str) -> str:
    """A distribution's name as it is compared (PyPA's specification "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def build(folder: Path, directory: Path) -> Path:
    """Build what `make dist` does of a folder: the source distribution, and from that the wheel; where they are."""
    # What a test's import leaves behind must not be packed, nor what git does not know.
    source = directory / f"source-of-{folder.name}"
    shutil.copytree(folder, source, ignore=shutil.ignore_patterns(*UNPACKED))
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory / "built"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory / "built"


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
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = self.directory.parent / f"{command[0]}-{port}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self.bin / command[0], *command[1:], "--port", str(port)],
                cwd=self.directory,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        url = f"http://127.0.0.1:{port}"
        try:
            eventually_sync(lambda: process.poll() is not None or answers(url), "the server serves", STARTING)
            assert process.poll() is None, log.read_text()[-4000:]
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)
        assert "Traceback" not in log.read_text(), log.read_text()[-4000:]


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False

"""One run of `manage.py up` as a test sees it: started, read, asked and stopped from outside."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from devstack.embedded import free_port
from tests.eventually import PATIENCE, eventually_sync

PROJECT = Path(__file__).resolve().parents[2]


class Up:
    """One run of `manage.py up` with a DATA_DIR and a PORT of its own."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.port = free_port()
        self.data_dir = data_dir
        self.log = data_dir.with_suffix(".log")
        stores = ("MONGODB_URI", "MONGODB_ENGINE", "REDIS_ADDRESS")
        inherited = {name: value for name, value in os.environ.items() if name not in stores}
        self.environment = inherited | {"DATA_DIR": str(data_dir), "PORT": str(self.port)} | variables
        self.process: subprocess.Popen[bytes]

    def start(self, *arguments: str) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *arguments],
                cwd=PROJECT,
                env=self.environment,
                stdout=log,
                stderr=log,
                preexec_fn=hear_ctrl_c,
            )
        eventually_sync(
            lambda: self.process.poll() is not None or "Ctrl-C stops everything" in self.output, "the greeting"
        )
        assert self.process.poll() is None, self.output

    @property
    def output(self) -> str:
        return self.log.read_text()

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of an answer; (0, None) when there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, None

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def pid(self, name: str) -> int | None:
        """The process id of a child; None: it has ended, and the next one has not begun."""
        path = self.data_dir / f"{name}.pid"
        return int(path.read_text()) if path.exists() else None

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another `manage.py` command, as from a second terminal."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def hear_ctrl_c() -> None:
    """Undo what a shell does to commands in its background, these tests among them: they are to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)

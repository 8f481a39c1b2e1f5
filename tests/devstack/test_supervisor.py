"""What the supervisor does when the machine lets it down: a full disk, a terminal that is gone."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.embedded import ChildProcess
from devstack.supervisor import Watched, writer_to


class TestWhatKeepsAChildFromStarting:
    @pytest.fixture
    def child(self, tmp_path: Path) -> ChildProcess:
        return ChildProcess([sys.executable, "-c", "pass"], tmp_path / "child.pid", "child")

    def test_an_error_of_the_system_is_told_and_it_is_tried_again(
        self, child: ChildProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said: list[str] = []
        failures = [
            OSError(errno.ENOSPC, "No space left on device"),
            OSError(errno.EAGAIN, "Resource temporarily unavailable"),
        ]

        def start() -> None:
            if failures:
                raise failures.pop(0)
            child.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])

        child.process = subprocess.Popen([sys.executable, "-c", "pass"])
        child.process.wait()
        watched = Watched("server", child, start, said.append)
        for _ in range(3):
            watched.restart_if_ended()
            watched.backoff = 0.0
        assert child.alive()
        assert any("No space left on device" in line for line in said)
        assert said[-1] == "server runs again."
        child.stop()

    def test_one_that_has_no_process_any_more_is_started(self, child: ChildProcess) -> None:
        """A store's next process may not even have come to be."""
        started: list[bool] = []
        Watched("mongodb", child, lambda: started.append(True), lambda line: None).restart_if_ended()
        assert started == [True]


class GoneTerminal(io.StringIO):
    """What a terminal's file answers when its window is closed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_what_is_said_to_a_terminal_that_is_gone_stops_nothing() -> None:
    """SIGHUP says that it is; children are to be stopped in order then, not left to be killed."""
    writer_to(GoneTerminal())("Stopping the server.")

"""What both embedded stores share: a process that is started, awaited, stopped, and ends with its parent."""

import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path

from chozoi_chat.embedded import pid_file, tied_to_parent
from chozoi_chat.embedded.ports import free_port

START_TIMEOUT = 60.0  # seconds; recovering a journal takes a while on a slow disk
STOP_TIMEOUT = 20.0  # seconds from SIGTERM to SIGKILL


class StoreNotStarted(RuntimeError):
    """A store did not come up; the message holds its command and the end of its log."""


class EmbeddedStore(ABC):
    """A database server as a child process, listening on 127.0.0.1 only.

    `data_dir`: its files go below it; made when missing. `port`: where it listens; None takes a free one.
    Start it from the main thread: the kernel ends it with the thread that started it.
    """

    name: str
    """What it is called in messages and files: "mongodb", "redis"."""

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.directory = self.data_dir / self.name
        self.port = free_port() if port is None else port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def address(self) -> str:
        """The URL that clients connect to."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command that runs the store in the foreground. Names `self.directory`, which exists by then."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the store takes commands now; waits one second at most."""

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.data_dir / "logs" / f"{self.name}.log"

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the store and return when it answers. Ends first what a killed run may have left on the same data.

        Raises `StoreNotStarted`; nothing is left running then.
        """
        if self.running:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(exist_ok=True)
        pid_file.end_left_over(self._pid_file, str(self.directory))
        script = tied_to_parent.__file__
        command = [sys.executable, "-I", "-S", script, str(os.getpid()), *self.command()]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,  # Ctrl-C in a terminal is for the supervisor alone, which stops stores last
            )
        pid_file.remember(self._pid_file, self.process.pid)
        deadline = time.monotonic() + START_TIMEOUT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                state = (
                    f"ended with {self.process.returncode}"
                    if not self.running
                    else f"did not answer in {START_TIMEOUT:g} s"
                )
                self.stop()
                raise StoreNotStarted(f"{self.name} {state}: {' '.join(self.command())}\n{self._end_of_log()}")
            time.sleep(0.02)
        if not self.running:  # then it was another server that answered on this port
            self.process = None
            raise StoreNotStarted(f"{self.name}: port {self.port} is taken by another program\n{self._end_of_log()}")

    def stop(self) -> None:
        """Stop the store, by SIGKILL if it does not go by itself. No error when it does not run."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._pid_file.unlink(missing_ok=True)

    @property
    def _pid_file(self) -> Path:
        return self.data_dir / f"{self.name}.pid"

    def _end_of_log(self) -> str:
        return f"{self.log} ends:\n{self.log.read_text(errors='replace')[-2000:]}"

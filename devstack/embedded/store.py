"""The base of the embedded stores: a server process on loopback that is started, awaited and stopped."""

import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

from devstack.embedded.child_process import ChildProcess
from devstack.embedded.ports import reserve_port

START_TIMEOUT = 60.0  # seconds; recovering a journal takes a while on a slow disk


class StoreNotStarted(RuntimeError):
    """A store did not come up; the message holds its command and the end of its log."""


class EmbeddedStore(ABC):
    """A store's server as a child process that listens on 127.0.0.1 only.

    Start it from the main thread: it ends with the thread that started it.

    Args:
        data_dir: The directory of all stores, made when missing. Each has its files in a folder of its name there.
        port: The TCP port to listen on if it is free; otherwise, or with None, it is another one. `port` says which.

    Attributes:
        directory: The folder of its files.
        log: The file of its output.
    """

    name: str
    """What messages and files call it: "mongodb", "redis"."""

    moves: bool = False
    """Whether its address is another one after each start."""

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.directory = self.data_dir / self.name
        self.log = self.data_dir / "logs" / f"{self.name}.log"
        self._reservation = reserve_port(port)  # as long as this object lives, and so from here to each start
        self.port: int = self._reservation.getsockname()[1]
        self._child: ChildProcess | None = None

    @property
    @abstractmethod
    def address(self) -> str:
        """The URL that clients connect to."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line that runs the store in the foreground. `self.directory` exists by then."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether the store takes commands now. The store has one second to answer."""

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process started last; None before the first start."""
        return self._child.process if self._child else None

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._child is not None and self._child.alive()

    def start(self) -> None:
        """Start the store, and return when it answers. What a killed run left is ended first.

        Raises:
            StoreNotStarted: It ended, or did not answer within START_TIMEOUT seconds. It does not run any more then.
        """
        if self.alive():
            return
        for directory in (self.data_dir, self.directory, self.log.parent):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = str(self.directory)
        self._child = ChildProcess(self.command(), self.data_dir / f"{self.name}.pid", mark)
        self._child.start(cwd=self.directory, log=self.log)
        deadline = time.monotonic() + START_TIMEOUT
        while not self.answers() and self.alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        # Still alive is asked last: an answer may come from a stranger on our port, and then our process has ended.
        if not self.answers() or not self.alive():
            if self.alive():
                problem = f"does not answer after {START_TIMEOUT:g} s"
            else:
                problem = "ended at once; is the port taken by another program, or the data in use?"
            self.stop()
            log = self.log.read_text(errors="replace")[-2000:]
            raise StoreNotStarted(f"{self.name} {problem} ({' '.join(self.command())}). {self.log} ends:\n{log}")

    def stop(self) -> None:
        """Stop the store as `ChildProcess.stop` does."""
        if self._child:
            self._child.stop()

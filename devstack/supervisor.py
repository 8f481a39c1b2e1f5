"""Everything on one machine: the embedded stores, the server and its workers, kept alive until told to stop.

It only starts, watches and stops processes. Whatever touches the database or serves runs in a process of its own, with
the addresses of the stores in its environment.
"""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import TextIOBase
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from devstack.embedded import ChildProcess, EmbeddedStore, StoreNotStarted

WATCH = 0.2  # seconds between two looks at the children
SERVER_START_TIMEOUT = 60.0  # seconds
LONGEST_PAUSE = 10.0  # seconds before a child that keeps ending is started again
STEADY = 60.0  # seconds after which a child that ends is not one that keeps ending
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say_to(terminal: TextIOBase) -> Callable[[str], None]:
    """Return what writes a line to a terminal, and passes over one that is gone: children are to be stopped all the
    same.
    """

    def say(line: str) -> None:
        with suppress(OSError):
            terminal.write(line)
            terminal.flush()

    return say


class StopRequested(BaseException):
    """SIGINT, SIGTERM or SIGHUP came. Not an `Exception`: nothing on the way may take it for a failure of its own."""


class ServerNotStarted(RuntimeError):
    """The server ended, or did not answer, when it was first started."""


@dataclass
class Watched:
    """A child to be kept alive: at once when it ends, after a growing pause when it ends again and again."""

    name: str
    child: EmbeddedStore | ChildProcess
    start: Callable[[], None]
    say: Callable[[str], object]
    pause: float = 0.0
    started: float = 0.0
    due: float | None = None

    def mend(self) -> None:
        """Start the child again if it has ended and its pause is over."""
        if self.child.alive():
            return
        now = time.monotonic()
        if self.due is None:
            if now - self.started > STEADY:
                self.pause = 0.0
            self.due = now + self.pause
            self.say(
                f"{self.name} {ending(self.child.process)}; "
                f"starting it again{f' in {self.pause:g} s' if self.pause else ''}."
            )
        if now < self.due:
            return
        self.due, self.pause, self.started = None, min(LONGEST_PAUSE, self.pause * 2 or 0.5), now
        try:
            self.start()
        except StoreNotStarted as error:
            self.say(str(error))
        except OSError as error:  # no room for its pid or its log, no memory for one more process
            self.say(f"{self.name} could not be started: {error}")
        else:
            self.say(f"{self.name} runs again.")


def ending(process: subprocess.Popen[bytes] | None) -> str:
    """How the process ended, as the end of a sentence about it."""
    if process is None:
        return "does not run"
    if process.returncode < 0:
        return f"was ended by {signal.Signals(-process.returncode).name}"
    return f"ended with status {process.returncode}"


class Supervisor:
    """Starts the stores, runs commands, starts the server; leaving the `with` block stops the server, then the stores.

    `addresses` is asked when stores have been started, and gives what goes to the environment of every command of ours.
    `workers` are commands that run beside the server. `say` gets lines for the person at the terminal.
    """

    def __init__(
        self,
        project: Path,
        data_dir: Path,
        stores: list[EmbeddedStore],
        addresses: Callable[[], dict[str, str]],
        say: Callable[[str], object],
        workers: list[list[str]] | None = None,
    ) -> None:
        self.project = project
        self.data_dir = data_dir
        self.stores = stores
        self.environment = dict(os.environ)
        self.say = say
        self.server = self._child("serve")
        self.workers = {command[0]: self._child(*command) for command in workers or []}
        self._addresses = addresses

    def __enter__(self) -> Self:
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it for SIGHUP
                signal.signal(number, _request_stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the way down is walked once, to its end
        if self.server.alive():
            self.say("Stopping the server.")
        self.server.stop()
        for name, worker in self.workers.items():
            if worker.alive():
                self.say(f"Stopping {name}.")
            worker.stop()
        for store in reversed(self.stores):
            if store.alive():
                self.say(f"Stopping {store.name}.")
            store.stop()
        return kind is StopRequested

    def start_stores(self) -> None:
        """Start the embedded stores. Raises `StoreNotStarted`."""
        for store in self.stores:
            store.start()
        self.environment.update(self._addresses())

    def run(self, *arguments: str) -> int:
        """Run a `manage.py` command to its end and return its exit status."""
        command = self._child(*arguments)
        try:
            return command.start(cwd=self.project, environment=self.environment).wait()
        finally:
            command.stop()

    def start_server(self, host: str, port: int) -> None:
        """Start the server and return when it answers at this address. Raises `ServerNotStarted`."""
        self._start_server()
        deadline = time.monotonic() + SERVER_START_TIMEOUT
        while time.monotonic() < deadline:
            if not self.server.alive():
                raise ServerNotStarted("The server ended while it started; what it says about it is above.")
            if _speaks_http(host, port):
                return
            time.sleep(0.05)
        raise ServerNotStarted(f"The server does not answer at {host}:{port} after {SERVER_START_TIMEOUT:g} s.")

    def start_workers(self) -> None:
        """Start what runs beside the server."""
        for worker in self.workers.values():
            self._start(worker)

    def watch(self) -> None:
        """Start again whatever ends. Returns only by `StopRequested`."""
        watched = [Watched(store.name, store, partial(self._start_store, store), self.say) for store in self.stores]
        watched.append(Watched("server", self.server, self._start_server, self.say))
        watched += [
            Watched(name, worker, partial(self._start, worker), self.say) for name, worker in self.workers.items()
        ]
        while True:
            for child in watched:
                child.mend()
            time.sleep(WATCH)

    def _start_store(self, store: EmbeddedStore) -> None:
        store.start()
        self.environment.update(self._addresses())
        if store.moves:
            for worker in self.workers.values():  # to be started again, with the new address
                worker.stop()

    def _start_server(self) -> None:
        self._start(self.server)

    def _start(self, child: ChildProcess) -> None:
        child.start(cwd=self.project, environment=self.environment)

    def _child(self, *arguments: str) -> ChildProcess:
        command = [sys.executable, str(self.project / "manage.py"), *arguments]
        return ChildProcess(command, self.data_dir / f"{arguments[0]}.pid", mark=f"manage.py {arguments[0]}")


def _request_stop(number: int, frame: FrameType | None) -> None:
    raise StopRequested


def _speaks_http(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True

"""Everything on one machine: the embedded stores, the server and its workers, kept alive until a signal to stop.

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

POLL_INTERVAL = 0.2  # seconds between two looks at the children
SERVER_START_TIMEOUT = 60.0  # seconds
LONGEST_BACKOFF = 10.0  # seconds before a child that keeps ending is started again
STEADY = 60.0  # seconds of running after which the backoff begins anew
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def writer_to(terminal: TextIOBase) -> Callable[[str], None]:
    """Return a function that writes text to a terminal, and does nothing once the terminal is gone.

    The supervisor must stop its children then all the same.
    """

    def say(line: str) -> None:
        with suppress(OSError):
            terminal.write(line)
            terminal.flush()

    return say


class StopRequested(BaseException):
    """SIGINT, SIGTERM or SIGHUP came. It is no `Exception`, so that no `except Exception` takes it for a failure."""


class ServerNotStarted(RuntimeError):
    """The server ended, or did not answer, when it was first started."""


@dataclass
class Watched:
    """A child that is kept alive: restarted at once when it ends, with a growing backoff when it ends again and again.

    Attributes:
        name: What messages call it.
        child: The child.
        start: Starts it.
        say: Gets messages for the person at the terminal.
        backoff: Seconds to wait before the next restart.
        started: When it was restarted last, by `time.monotonic()`.
        due: When it is to be restarted, by the same clock; None while it runs.
    """

    name: str
    child: EmbeddedStore | ChildProcess
    start: Callable[[], None]
    say: Callable[[str], object]
    backoff: float = 0.0
    started: float = 0.0
    due: float | None = None

    def restart_if_ended(self) -> None:
        """Start the child again if it has ended and its backoff is over."""
        if self.child.alive():
            return
        now = time.monotonic()
        if self.due is None:
            if now - self.started > STEADY:
                self.backoff = 0.0
            self.due = now + self.backoff
            self.say(
                f"{self.name} {ending(self.child.process)}; "
                f"starting it again{f' in {self.backoff:g} s' if self.backoff else ''}."
            )
        if now < self.due:
            return
        self.due, self.backoff, self.started = None, min(LONGEST_BACKOFF, self.backoff * 2 or 0.5), now
        try:
            self.start()
        except StoreNotStarted as error:
            self.say(str(error))
        except OSError as error:  # no room for its pid or its log, no memory for one more process
            self.say(f"{self.name} could not be started: {error}")
        else:
            self.say(f"{self.name} runs again.")


def ending(process: subprocess.Popen[bytes] | None) -> str:
    """Return the predicate of a sentence about how a process ended: "ended with status 3"."""
    if process is None:
        return "does not run"
    if process.returncode < 0:
        return f"was ended by {signal.Signals(-process.returncode).name}"
    return f"ended with status {process.returncode}"


class Supervisor:
    """Starts the stores, the server and its workers, and keeps them alive.

    Leaving the `with` block stops the server, the workers and then the stores. A signal to stop leaves it:

        with Supervisor(project, data_dir, stores, addresses, print) as supervisor:
            supervisor.start_stores()
            supervisor.start_server("127.0.0.1", 8000)
            supervisor.watch()

    Args:
        project: The directory of `manage.py`.
        data_dir: Where the pids of the children are noted.
        stores: The embedded stores, in the order in which they start.
        addresses: Returns environment variables for all commands. It is called whenever a store has started.
        say: Gets messages for the person at the terminal.
        workers: The arguments of `manage.py` for each command that runs beside the server.
        stop_timeout: Seconds from SIGTERM to SIGKILL for the server and for each worker.
    """

    def __init__(
        self,
        project: Path,
        data_dir: Path,
        stores: list[EmbeddedStore],
        addresses: Callable[[], dict[str, str]],
        say: Callable[[str], object],
        workers: list[list[str]] | None = None,
        *,
        stop_timeout: float = 25.0,
    ) -> None:
        self.project = project
        self.data_dir = data_dir
        self.stores = stores
        self.environment = dict(os.environ)
        self.say = say
        self._addresses = addresses
        self._stop_timeout = stop_timeout
        self.server = self._child("serve")
        self.workers = {command[0]: self._child(*command) for command in workers or []}

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
        """Start the embedded stores, and return when they answer.

        Raises:
            StoreNotStarted: One of them does not answer.
        """
        for store in self.stores:
            store.start()
        self.environment.update(self._addresses())

    def run(self, *arguments: str) -> int:
        """Run a command of `manage.py` to its end, and return its exit status."""
        command = self._child(*arguments)
        try:
            return command.start(cwd=self.project, environment=self.environment).wait()
        finally:
            command.stop()

    def start_server(self, host: str, port: int) -> None:
        """Start the server, and return when it answers.

        Args:
            host: The address at which it is expected to answer.
            port: The TCP port there.

        Raises:
            ServerNotStarted: It ended, or did not answer within SERVER_START_TIMEOUT seconds.
        """
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
        """Start the commands that run beside the server."""
        for worker in self.workers.values():
            self._start(worker)

    def watch(self) -> None:
        """Restart whatever ends, for ever.

        Raises:
            StopRequested: A signal to stop came.
        """
        watched = [Watched(store.name, store, partial(self._start_store, store), self.say) for store in self.stores]
        watched.append(Watched("server", self.server, self._start_server, self.say))
        watched += [
            Watched(name, worker, partial(self._start, worker), self.say) for name, worker in self.workers.items()
        ]
        while True:
            for child in watched:
                child.restart_if_ended()
            time.sleep(POLL_INTERVAL)

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
        return ChildProcess(
            command,
            self.data_dir / f"{arguments[0]}.pid",
            mark=f"manage.py {arguments[0]}",
            stop_timeout=self._stop_timeout,
        )


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

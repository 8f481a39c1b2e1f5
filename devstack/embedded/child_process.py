"""A process that we start, that ends when we do, and that a later run can find should it be left over all the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from devstack.embedded import tied_to_parent

PRIVATE = 0o077
"""The umask of what keeps data: its files are for the user alone that it runs as."""
_PATIENCE = 15.0
"""Seconds from SIGTERM to SIGKILL for what an earlier run left."""


class ChildProcess:
    """One program, started as often as needed.

    `command`: its command line. `pid_path`: where its pid is noted. `mark`: a part of its command line or
    working directory that no stranger's has, to know a left-over process by. `stop_timeout`: seconds from SIGTERM to
    SIGKILL.
    Start it from the main thread: the kernel ends it with the thread that started it.
    """

    def __init__(self, command: Sequence[str], pid_path: Path, mark: str, *, stop_timeout: float = 20.0) -> None:
        self.command = list(command)
        self.pid_path = pid_path
        self.mark = mark
        self.stop_timeout = stop_timeout
        self.process: subprocess.Popen[bytes] | None = None

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def end_left_over(self) -> None:
        """End what a killed run may have left of this program, and return when it is gone.

        A stranger that has the noted pid by now is left alone.
        """
        try:
            pid = int(self.pid_path.read_text())
        except (FileNotFoundError, ValueError):
            return
        if _is_at_work(pid, self.mark):
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + _PATIENCE
            while _is_at_work(pid, self.mark):
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    deadline = float("inf")
                time.sleep(0.05)
        self.pid_path.unlink(missing_ok=True)

    def start(
        self, *, cwd: Path | None = None, environment: Mapping[str, str] | None = None, log: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the program; output goes to `log`, or where ours goes. Ends first what a killed run may have left."""
        self.end_left_over()
        command = [sys.executable, "-I", "-S", tied_to_parent.__file__, str(os.getpid()), *self.command]
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log else None
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                env=environment,
                umask=PRIVATE,
                start_new_session=True,  # Ctrl-C in a terminal is for the supervisor alone, which stops things in order
            )
        finally:
            if output is not None:
                os.close(output)
        self.pid_path.write_text(f"{self.process.pid}\n")
        return self.process

    def stop(self) -> None:
        """Stop the process, by SIGKILL if it does not go by itself. No error when it does not run."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.pid_path.unlink(missing_ok=True)


def _is_at_work(pid: int, mark: str) -> bool:
    """Whether process `pid` runs and `mark` is part of its command line or of its working directory.

    The directory, because some programs overwrite their command line. False where the system does not tell.
    """
    process = Path(f"/proc/{pid}")
    try:
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return mark in command or mark in str((process / "cwd").readlink())
    except OSError:
        return False

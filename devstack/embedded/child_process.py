"""A process that ends with the one that started it. One that is left over all the same is found by a later run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from devstack.embedded import tied_to_parent

PRIVATE = 0o077
"""The umask of programs that keep data: only the user that they run as may open their files."""


class ChildProcess:
    """One program, started as often as needed. Start it from the main thread: it ends with the thread that started it.

    Args:
        command: Its command line.
        pid_path: The file that its pid is noted in.
        mark: A part of its command line or working directory that no other program's has. A left-over process is
            known by it.
        stop_timeout: Seconds from SIGTERM to SIGKILL.

    Attributes:
        process: The process started last; None before the first start.
    """

    def __init__(self, command: Sequence[str], pid_path: Path, mark: str, *, stop_timeout: float = 20.0) -> None:
        self.command = list(command)
        self.pid_path = pid_path
        self.mark = mark
        self.stop_timeout = stop_timeout
        self.process: subprocess.Popen[bytes] | None = None

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def end_left_over(self) -> None:
        """End the process that a killed run may have left of this program, and return when it is gone.

        Another program that has the noted pid by now is left alone.
        """
        try:
            pid = int(self.pid_path.read_text())
        except (FileNotFoundError, ValueError):
            return
        if _runs(pid, self.mark):
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + self.stop_timeout
            while _runs(pid, self.mark):
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    deadline = float("inf")
                time.sleep(0.05)
        self.pid_path.unlink(missing_ok=True)

    def start(
        self, *, cwd: Path | None = None, environment: Mapping[str, str] | None = None, log: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the program, after `end_left_over`.

        Args:
            cwd: Its working directory; None: that of this process.
            environment: All its environment variables; None: those of this process.
            log: The file that its output is appended to; None: the output goes where that of this process goes.

        Raises:
            OSError: The program, its log or the file of its pid could not be opened.
        """
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
        """Stop the process, by SIGKILL if it has not ended after `stop_timeout`. One that does not run is no error."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.pid_path.unlink(missing_ok=True)


def _runs(pid: int, mark: str) -> bool:
    """Whether process `pid` runs and `mark` is part of its command line or of its working directory.

    The directory, because some programs overwrite their command line. False where the system does not tell.
    """
    process = Path(f"/proc/{pid}")
    try:
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return mark in command or mark in str((process / "cwd").readlink())
    except OSError:
        return False

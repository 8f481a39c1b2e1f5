"""A process named in a file, so that a later run can find what an earlier one left behind and never ends a stranger."""

import os
import signal
import time
from pathlib import Path


def command_line(pid: int) -> str | None:
    """The command line of process `pid`; None when there is none, it has ended, or the system does not tell."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip() or None
    except OSError:
        return None


def remember(path: Path, pid: int) -> None:
    """Write `pid` to the file."""
    path.write_text(f"{pid}\n")


def end_left_over(path: Path, mark: str, patience: float = 15.0) -> int | None:
    """End the process that the file names, if it still runs and `mark` is part of its command line; remove the file.

    SIGTERM first, SIGKILL after `patience` seconds. Returns the pid that was ended, None when there was nothing to end.
    """
    try:
        pid = int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    ended = None
    if mark in (command_line(pid) or ""):
        ended = pid
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while mark in (command_line(pid) or ""):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(0.05)
    path.unlink(missing_ok=True)
    return ended

"""A process named in a file, so that a later run can find what an earlier one left behind and never ends a stranger."""

import os
import signal
import time
from pathlib import Path


def is_at_work(pid: int, mark: str) -> bool:
    """Whether process `pid` runs and `mark` is part of its command line or of its working directory.

    The directory, because some programs overwrite their command line. False where the system does not tell.
    """
    process = Path(f"/proc/{pid}")
    try:
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return mark in command or mark in str((process / "cwd").readlink())
    except OSError:
        return False


def remember(path: Path, pid: int) -> None:
    """Write `pid` to the file."""
    path.write_text(f"{pid}\n")


def end_left_over(path: Path, mark: str, patience: float = 15.0) -> int | None:
    """End the process that the file names, if `is_at_work`; remove the file.

    SIGTERM first, SIGKILL after `patience` seconds. Returns the pid that was ended, None when there was nothing to end.
    """
    try:
        pid = int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    ended = None
    if is_at_work(pid, mark):
        ended = pid
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while is_at_work(pid, mark):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(0.05)
    path.unlink(missing_ok=True)
    return ended

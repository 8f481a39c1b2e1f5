"""Which embedded stores run now: `manage.py up` writes it down, other commands of the same `DATA_DIR` read it.

Holds the lock too that lets one supervisor at a time use a `DATA_DIR`.
"""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from io import TextIOWrapper
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Running:
    """The addresses of the embedded stores; empty where that store is not an embedded one."""

    mongodb: str = ""
    redis: str = ""
    kafka: str = ""
    schema_registry: str = ""


class AlreadyRunning(RuntimeError):
    """Another supervisor uses this `DATA_DIR`."""


def claim(data_dir: Path) -> TextIOWrapper:
    """Take this `DATA_DIR` for the calling process until it closes the returned file or ends, in whatever way.

    Raises `AlreadyRunning` with the other's pid.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (data_dir / "supervisor.lock").open("a+")
    if not _locked(lock):
        lock.seek(0)
        pid = lock.read().strip() or "unknown"
        lock.close()
        raise AlreadyRunning(
            f"{data_dir} is in use by a server that runs already (process {pid}). "
            "Stop that one first, or give this one a DATA_DIR and a PORT of its own."
        )
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _locked(lock: TextIOWrapper) -> bool:
    for _ in range(3):  # `running_in` of another command may hold it for an instant
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def announce(data_dir: Path, running: Running) -> None:
    """Write down the addresses, in one step, for `running_in`."""
    draft = data_dir / f"services.json.{os.getpid()}"
    draft.write_text(json.dumps(asdict(running), indent=1) + "\n")
    draft.replace(data_dir / "services.json")


def last_announced(data_dir: Path) -> Running:
    """The addresses written down last, whether or not anything listens there now."""
    try:
        return Running(**json.loads((data_dir / "services.json").read_text()))
    except (OSError, ValueError, TypeError):
        return Running()


def running_in(data_dir: Path) -> Running:
    """The addresses of the stores that run for this `DATA_DIR` now; empty ones when no supervisor is alive."""
    try:
        lock = (data_dir / "supervisor.lock").open()
    except OSError:
        return Running()
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:  # held: the supervisor lives
            return last_announced(data_dir)
    return Running()

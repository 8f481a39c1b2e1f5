"""The addresses of the embedded stores that run: `manage.py up` saves them, other commands of its `DATA_DIR` read them.

The lock that lets one supervisor at a time use a `DATA_DIR` is here, too: it tells whether the addresses are current.
"""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from io import TextIOWrapper
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoreAddresses:
    """The addresses of the embedded stores; an empty one: that store does not run, or is not an embedded one.

    Attributes:
        mongodb: A `mongodb://` URI with the database's name.
        redis: A `redis://` URL.
        kafka: The brokers, as `host:port`, separated by commas.
        schema_registry: The URL of the schema registry.
    """

    mongodb: str = ""
    redis: str = ""
    kafka: str = ""
    schema_registry: str = ""


class AlreadyRunning(RuntimeError):
    """Another supervisor uses this `DATA_DIR`."""


def lock_data_dir(data_dir: Path) -> TextIOWrapper:
    """Lock a `DATA_DIR` for the calling process, and make the directory where there is none.

    Args:
        data_dir: The directory.

    Returns:
        A file. The lock ends when it is closed, and when the process ends, in whatever way.

    Raises:
        AlreadyRunning: Another process has the lock. The text names its pid.
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
    for _ in range(3):  # `running_addresses` of another command may hold it for an instant
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def save_addresses(data_dir: Path, addresses: StoreAddresses) -> None:
    """Save the addresses for `running_addresses`, in one step: no reader sees half of them."""
    draft = data_dir / f"services.json.{os.getpid()}"
    draft.write_text(json.dumps(asdict(addresses), indent=1) + "\n")
    draft.replace(data_dir / "services.json")


def saved_addresses(data_dir: Path) -> StoreAddresses:
    """Return the addresses that were saved last, whether or not anything listens there now."""
    try:
        return StoreAddresses(**json.loads((data_dir / "services.json").read_text()))
    except (OSError, ValueError, TypeError):
        return StoreAddresses()


def running_addresses(data_dir: Path) -> StoreAddresses:
    """Return the addresses of the stores that run for a `DATA_DIR` now; empty ones where no supervisor is alive."""
    try:
        lock = (data_dir / "supervisor.lock").open()
    except OSError:
        return StoreAddresses()
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:  # held: the supervisor lives
            return saved_addresses(data_dir)
    return StoreAddresses()

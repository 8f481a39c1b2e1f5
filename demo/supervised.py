"""The server of `make run`, killed to see what becomes of messages: its supervisor starts it again."""

from __future__ import annotations

import os
import signal
import threading

from django.conf import settings

_PID_FILE = "serve.pid"  # in DATA_DIR, as the supervisor keeps it
_PAUSE = 0.3  # seconds for the answer to leave


def server_pid() -> int | None:
    """Return the id of the server's process where a supervisor watches it; None where nobody would start it again."""
    try:
        pid = int((settings.DATA_DIR / _PID_FILE).read_text())
    except (OSError, ValueError):
        return None
    return pid if pid in (os.getpid(), os.getppid()) else None  # itself, or a worker's parent


def kill_soon(pid: int) -> None:
    """Kill the server without a goodbye (SIGKILL), once the answer to this request has left."""
    threading.Timer(_PAUSE, os.kill, (pid, signal.SIGKILL)).start()

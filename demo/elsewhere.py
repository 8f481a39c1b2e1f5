"""A process without any socket that sends a message: clients of all servers get it."""

from __future__ import annotations

import subprocess
import sys
import threading

from django.conf import settings

from demo.people import Person

LONGEST = 60.0  # seconds until a process that hangs is killed
_one_at_a_time = threading.Lock()


def start(room_id: str, sender: Person) -> bool:
    """Start `manage.py demo_message`, and do not wait for it.

    Args:
        room_id: The room.
        sender: Who writes.

    Returns:
        Whether it was started; False while another one runs.
    """
    if not _one_at_a_time.acquire(blocking=False):
        return False
    command = [sys.executable, "manage.py", "demo_message", "--room", room_id, "--from", sender.user_id]
    try:
        threading.Thread(target=_run, args=(command,), name="demo-elsewhere", daemon=True).start()
    except BaseException:
        _one_at_a_time.release()
        raise
    return True


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, cwd=settings.BASE_DIR, check=False, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        pass  # it is killed
    finally:
        _one_at_a_time.release()

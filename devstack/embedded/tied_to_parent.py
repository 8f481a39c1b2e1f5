"""Run a command that ends when its parent does: `python tied_to_parent.py PARENT_PID COMMAND ARGUMENT…`.

Run as a script, with nothing but the standard library. It asks the kernel (Linux: PR_SET_PDEATHSIG) for a SIGKILL at
the parent's end, however that comes about, and becomes the command; the request outlives `exec`. Elsewhere than on
Linux it only becomes the command.

SIGKILL, not SIGTERM: the kernel sends one signal for each thread of a parent that dies, and programs that tidy up in a
handler (SecantusDB) hang when it is entered twice. The stores lose nothing by it that they have acknowledged.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends.

    Args:
        parent: The pid of the process that started this one.

    Raises:
        OSError: The kernel refused.
        SystemExit: The parent has ended already.
    """
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit(f"the process that started this one ({parent}) has ended")


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # no shell is wanted  # noqa: S606  # nosec B606

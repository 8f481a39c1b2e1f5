"""mypy as a program of its own: in our process it would leave Python's recursion limit raised."""

import subprocess
import sys


def run(arguments: list[str]) -> tuple[str, str, int]:
    """Check as `mypy.api.run` does.

    Returns:
        What it said, its errors, and its exit code.
    """
    done = subprocess.run([sys.executable, "-m", "mypy", *arguments], capture_output=True, text=True, check=False)
    return done.stdout, done.stderr, done.returncode

"""Starts a program that serves HTTP, its log in a file."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from tests.eventually import eventually_sync


def start_server(
    command: Sequence[str | Path], url: str, *, cwd: Path, env: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a program, and return when it answers.

    Args:
        command: The program and its arguments.
        url: What it answers then, whatever the status.
        cwd: The folder where it runs.
        env: Its environment.
        log: Where its output goes.

    Raises:
        AssertionError: It ended, or does not answer.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=output)
    try:
        eventually_sync(lambda: process.poll() is not None or _answers(url), f"{url} answers")
        assert process.poll() is None, log.read_text()[-4000:]
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def _answers(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.HTTPError:
        return False
    return True

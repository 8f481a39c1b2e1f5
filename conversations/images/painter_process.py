"""Painting an image in a process of its own, which has so much memory and so much time, and is gone afterwards.

Decoders are where hostile files do harm: a few megabytes can ask for a gigabyte, or for minutes. What happens to the
painter happens to nobody else; to start one costs a tenth of a second of a core.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import msgspec

from conversations.images.painting import EncodedImage, NotAnImage, clean_copy

CPU_SECONDS = 10
"""What the largest image that is taken needs several times over."""
_PATIENCE = 6 * CPU_SECONDS
_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG")  # of the environment; the rest holds secrets

Copies: TypeAlias = tuple[EncodedImage, EncodedImage]


def memory_for(most_pixels: int) -> int:
    """Bytes of address space: for Python and Pillow, and for each pixel of the largest image. (A WebP needs 16.)"""
    return 400_000_000 + 24 * most_pixels


def paint(content: bytes, most_pixels: int, *, memory: int = 0, seconds: int = CPU_SECONDS) -> Copies:
    """Run `clean_copy` in another process. Blocks.

    Args:
        content: The file as it came.
        most_pixels: The most pixels that are taken.
        memory: Bytes of address space for the process; 0: `memory_for(most_pixels)`.
        seconds: Seconds of a core.

    Returns:
        The image and its thumbnail.

    Raises:
        NotAnImage: As `clean_copy`, and for an image that takes too much memory or time.
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    bounds = (most_pixels, memory or memory_for(most_pixels), seconds)
    command = [sys.executable, "-m", __name__, *map(str, bounds)]
    too_much = NotAnImage("the image takes too long to paint: send it smaller")
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, env=environment, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise too_much from None
    if done.returncode < 0:  # by a signal: of its time limit, or of a kernel that has no memory left
        raise too_much
    if done.returncode:
        raise RuntimeError(f"the painter ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    answer: Copies | str = msgspec.msgpack.decode(done.stdout, type=Copies | str)
    if isinstance(answer, str):
        raise NotAnImage(answer)
    return answer


def main() -> None:
    """Paint what comes in, in the bounds; put out the copies, or why there are none."""
    most_pixels, memory, seconds = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    os.nice(5)  # the chat goes first
    answer: Copies | str
    try:
        answer = clean_copy(sys.stdin.buffer.read(), most_pixels)
    except NotAnImage as error:
        answer = str(error)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


if __name__ == "__main__":
    main()

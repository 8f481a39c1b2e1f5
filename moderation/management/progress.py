"""Progress of a long command: a line now and then."""

from __future__ import annotations

import time

from django.core.management.base import OutputWrapper

_PAUSE = 2.0  # seconds between two lines


class Progress:
    """Called for each step with the rooms done, of how many, and the messages so far."""

    def __init__(self, output: OutputWrapper, done_to_messages: str) -> None:
        self._output = output
        self._verb = done_to_messages
        self._next = time.monotonic() + _PAUSE

    def __call__(self, rooms: int, of: int, messages: int) -> None:
        """Write a line, unless one was written just now."""
        if time.monotonic() >= self._next:
            self._output.write(f"{rooms} of {of} rooms, {messages} messages {self._verb}")
            self._next = time.monotonic() + _PAUSE

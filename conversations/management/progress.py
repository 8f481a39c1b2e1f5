"""Progress of a long command: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time

from django.core.management.base import OutputWrapper

_PAUSE = 2.0  # seconds between two lines
_REDRAWN = 0.1  # seconds between two states of the bar
_WIDTH = 30  # characters


class Progress:
    """Called for each step with the rooms done, of how many, and the messages so far.

    Args:
        output: Where it is written.
        done_to_messages: What is done, as in "1200 messages deleted".
    """

    def __init__(self, output: OutputWrapper, done_to_messages: str) -> None:
        self._output = output
        self._verb = done_to_messages
        self._is_terminal = output.isatty()
        self._started = time.monotonic()
        self._next = 0.0 if self._is_terminal else self._started + _PAUSE

    def __call__(self, rooms: int, of: int, messages: int) -> None:
        """Write how far the command is, unless that was written just now."""
        now = time.monotonic()
        is_last = self._is_terminal and rooms >= of
        if now < self._next and not is_last:
            return
        state = f"{rooms} of {of} rooms, {messages} messages {self._verb}"
        if not self._is_terminal:
            self._output.write(state, style_func=str)
            self._next = now + _PAUSE
            return
        done = rooms / of if of else 1.0
        left = f", {round((now - self._started) * (1 - done) / done)} s left" if 0 < done < 1 else ""
        bar = "█" * round(done * _WIDTH)
        # To the line's beginning, and what was there is erased behind the text (ECMA-48).
        self._output.write(f"\r{bar:░<{_WIDTH}} {done:4.0%}  {state}{left}\x1b[K", str, ending="\n" if is_last else "")
        self._output.flush()
        self._next = now + _REDRAWN

"""Python's garbage collector, set up for a process that serves sockets.

Handling an event leaves no reference cycle: reference counting frees all that it makes. What a connection leaves when
it ends are cycles. So collections are needed now and then, and what they cost is what they look at. By default they
look at too much too often: each 700 objects more at those, and after some ten thousands of events at all objects of
the process, which are those of Django and the application. Nobody is served for a tenth of a second then.
"""

from __future__ import annotations

import gc
import threading

# So many new objects until the young are looked at, whose number of looks then decides on the older ones. Events in
# flight come and go without a look. What ended connections leave is about 126 objects each (20 KB): it is found after
# 80 of them where they were short, after 1,200 at the latest.
_THRESHOLDS = 10_000, 5, 2


class CollectorForServing:
    """The collector's setting while a process serves; where the server runs in a thread beside others, none."""

    def __init__(self) -> None:
        self._before: tuple[int, int, int] | None = None

    def begin(self) -> None:
        """Have no collection look at what exists now, and none run while nothing but events comes and goes."""
        if self._before is not None or threading.current_thread() is not threading.main_thread():
            return
        self._before = gc.get_threshold()
        gc.collect()  # what is garbage now would stay for ever
        gc.freeze()
        gc.set_threshold(*_THRESHOLDS)

    def end(self) -> None:
        """Give the process its own setting back."""
        if self._before is not None:
            gc.set_threshold(*self._before)
            gc.unfreeze()
            self._before = None

"""A process with this folder in PYTHONPATH has a clock that is SECONDS_AHEAD fast. Its monotonic clock is right."""

import ctypes
import datetime
import gc
import os
import time

AHEAD = float(os.environ.get("SECONDS_AHEAD", "0"))
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + AHEAD
time.time_ns = lambda: _time_ns() + int(AHEAD * 1e9)


def _now(cls: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
    return cls.fromtimestamp(_time() + AHEAD, tz)


# The class is C's and takes no other method; its dictionary does. A subclass would be another type to msgspec.
gc.get_referents(datetime.datetime.__dict__)[0]["now"] = classmethod(_now)
ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))

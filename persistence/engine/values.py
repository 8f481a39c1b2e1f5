"""What a value of a document is read as where a field promises a type, whoever wrote the document.

MongoDB keeps what it is given: the number 7 where a user's id belongs, an ObjectId for a key, what JavaScript counts
from `undefined` on. Each of these functions gives a value of its type, or `None` where the value holds none; no value
makes one fail.
"""

from __future__ import annotations

import math
from typing import Any

from bson import Decimal128


def as_text(value: Any) -> str | None:
    """A text; whatever else is there, written as one. `None`: nothing is there.

    (JavaScript knows no whole numbers: an id that it stored as 7.0 was 7 to it.)
    """
    if value is None or type(value) is str:
        return value
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def as_number(value: Any) -> int | None:
    """A whole number, of any of MongoDB's kinds of number, cut where it is none; no flag and no infinity."""
    if type(value) is int:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal128):
        return None
    finite = value.to_decimal() if isinstance(value, Decimal128) else value
    return int(finite) if math.isfinite(finite) else None


def as_flag(value: Any) -> bool | None:
    """A flag, or a number that stands for one."""
    if isinstance(value, bool):
        return value
    return None if (number := as_number(value)) is None else number != 0

"""Points in time as they travel: ISO 8601, UTC, milliseconds, `Z`; MongoDB keeps milliseconds, too."""

from __future__ import annotations

import datetime

UTC = datetime.UTC
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)


def from_milliseconds(milliseconds: int) -> datetime.datetime:
    """The instant so many milliseconds after 1970, exactly (no floats on the way). OverflowError: no such year."""
    return _EPOCH + milliseconds * _MILLISECOND


def to_milliseconds(instant: datetime.datetime) -> int:
    """Whole milliseconds since 1970."""
    return (instant - _EPOCH) // _MILLISECOND


def from_store(instant: datetime.datetime) -> datetime.datetime:
    """An instant as the driver reads it from MongoDB, which is UTC without saying so."""
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def stored_time(value: object) -> datetime.datetime | None:
    """The instant that a field of a document holds; `None`: it holds none, or something else."""
    return from_store(value) if isinstance(value, datetime.datetime) else None


def to_wire(instant: datetime.datetime) -> str:
    """`2020-10-11T00:13:35.390Z`"""
    # (Not strftime, whose %Y gives year 1 one digit.)
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def from_wire(text: str) -> datetime.datetime:
    """An instant from ISO 8601 of any offset (none: UTC) and precision (cut to milliseconds). ValueError: not one."""
    instant = datetime.datetime.fromisoformat(text)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    instant = instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

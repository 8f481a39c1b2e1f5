"""Points in time as they travel: ISO 8601, UTC, milliseconds, `Z`; MongoDB keeps milliseconds, too."""

from __future__ import annotations

import datetime

UTC = datetime.UTC
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)


def from_milliseconds(milliseconds: int) -> datetime.datetime:
    """Convert milliseconds since 1970 to an instant, exactly (without floats).

    Raises:
        OverflowError: The instant is in no year that Python has.
    """
    return EPOCH + milliseconds * _MILLISECOND


def to_milliseconds(instant: datetime.datetime) -> int:
    """Convert an instant to whole milliseconds since 1970."""
    return (instant - EPOCH) // _MILLISECOND


def from_store(instant: datetime.datetime) -> datetime.datetime:
    """Add the time zone to an instant that the driver read: it is UTC."""
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def stored_time(value: object) -> datetime.datetime | None:
    """Read a time of a document; None where there is none, or something else."""
    return from_store(value) if isinstance(value, datetime.datetime) else None


def to_wire(instant: datetime.datetime) -> str:
    """Format an instant as `2020-10-11T00:13:35.390Z`."""
    # (Not strftime, whose %Y gives year 1 one digit.)
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def from_wire(text: str) -> datetime.datetime:
    """Read ISO 8601 of any offset (without one: UTC) and precision (cut to milliseconds).

    Raises:
        ValueError: The text is none.
    """
    instant = datetime.datetime.fromisoformat(text)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    instant = instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

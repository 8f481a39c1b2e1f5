"""Instants as arguments of commands."""

from argparse import ArgumentTypeError
from datetime import datetime

from persistence.timestamps import from_wire


def instant(text: str) -> datetime:
    """Read an instant in ISO 8601. ArgumentTypeError: the text is none."""
    try:
        return from_wire(text)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no instant; one is written like 2026-11-22T08:00:00Z") from None

"""Documents that another program wrote, as this one reads them: by model fields, and where a bare document is read.

What a document lacks loads as the field's default. A MongoDB document has no `is_seen` where the old service never set
one; Django would load None into a field that promises a bool. Filters still see the database: `filter(is_seen=False)`
finds only documents that have the field, `exclude(is_seen=True)` finds those that lack it, too.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, cast

from django.db import models

from persistence.engine.values import as_flag, as_number, as_text
from persistence.timestamps import from_store, to_wire


class AbsentIsDefault:
    """Mixed into a field: an absent or null value loads as the field's default."""

    def from_db_value(self, value: Any, expression: object, connection: object) -> Any:
        """What the model instance gets for what the document holds."""
        return cast("models.Field[Any, Any]", self).get_default() if value is None else value


class TextOrDefault(AbsentIsDefault, models.CharField[Any, Any]):
    """A string; absent: the default, the empty string where there is no other."""


class LongTextOrDefault(AbsentIsDefault, models.TextField[Any, Any]):
    """A text of any length; absent: the default."""


class FlagOrDefault(AbsentIsDefault, models.BooleanField[Any, Any]):
    """A bool; absent: the default."""


class CountOrDefault(AbsentIsDefault, models.IntegerField[Any, Any]):
    """How many there are; absent, or fewer than none: the default."""

    def from_db_value(self, value: Any, expression: object, connection: object) -> Any:
        """What the model instance gets for what the document holds."""
        return super().from_db_value(None if value is None or value < 0 else value, expression, connection)


class ObjectField(models.JSONField):
    """An object of no fixed shape, always a `dict` when loaded and always something JSON can carry.

    Django's own JSONField, on MongoDB, refuses to load a document that holds what JSON lacks. Subdocuments that
    Mongoose wrote may hold an ObjectId or a Date: they load as strings here (dates in ISO 8601).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", dict)
        super().__init__(*args, **kwargs)

    def get_internal_type(self) -> str:
        """A type of its own, so that the backend's JSON converter (`json.dumps`) stays away."""
        return "ObjectField"

    def db_type(self, connection: Any) -> str:
        """The BSON type, as the backend names it."""
        return "object"

    def from_db_value(self, value: Any, expression: object, connection: object) -> Any:
        """The stored object with all of its values made ones of JSON; `{}` where there is none."""
        return as_json(value) if isinstance(value, dict) else {}


def text_in(document: Mapping[str, Any], name: str) -> str:
    """Read a text field of a document as `as_text` does; empty where there is none."""
    return as_text(document.get(name)) or ""


def count_in(document: Mapping[str, Any], name: str) -> int:
    """Read a counter of a document; 0 where there is none, something else, or a negative number."""
    return max(0, as_number(document.get(name)) or 0)


def flag_in(document: Mapping[str, Any], name: str) -> bool:
    """Read a flag of a document; False where there is none."""
    return bool(as_flag(document.get(name)))


def object_in(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Read an embedded object of a document; `{}` where there is none, or something else."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def as_json(value: Any) -> Any:
    """Convert a BSON value to what JSON has: times in ISO 8601, whatever else JSON lacks as a string."""
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    if isinstance(value, datetime.datetime):
        return to_wire(from_store(value))
    if value is None or type(value) in (str, float, bool):
        return value
    return int(value) if isinstance(value, int) else str(value)  # BSON's Int64 is an int, but not to every encoder

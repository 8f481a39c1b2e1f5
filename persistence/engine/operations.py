"""The DatabaseOperations: which compilers serve, what values load as, and how a long range or list is asked for."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django_mongodb_backend.operations import DatabaseOperations as MongoDatabaseOperations

from persistence.engine.values import as_flag, as_number, as_text

_BEGINNING = datetime.datetime.min.replace(tzinfo=datetime.UTC)


class DatabaseOperations(MongoDatabaseOperations):
    """With the compilers of this package, and conversions that no document fails at."""

    compiler_module = "persistence.engine.compiler"
    stops_at_limit = True
    """Whether a query without an order reads no more documents than its limit."""

    def get_db_converters(self, expression: Any) -> list[Any]:
        """With those of texts and flags, which django-mongodb-backend takes as they come."""
        converters: list[Any] = super().get_db_converters(expression)
        match expression.output_field.get_internal_type():
            case "CharField" | "TextField":
                converters.append(lambda value, expression, connection: as_text(value))
            case "BooleanField":
                converters.append(lambda value, expression, connection: as_flag(value))
        return converters

    def convert_datetimefield_value(self, value: Any, expression: object, connection: object) -> Any:
        """The instant; `None` for what is none."""
        if not isinstance(value, datetime.datetime):
            return None
        return super().convert_datetimefield_value(value, expression, connection)

    def convert_integerfield_value(self, value: Any, expression: object, connection: object) -> Any:
        """The number; `None` for what is none, as what JavaScript counts from `undefined` on."""
        return as_number(value)

    def convert_embeddedmodelfield_value(self, value: Any, expression: object, connection: object) -> Any:
        """The instance; `None` for what is no object."""
        if not isinstance(value, dict):
            return None
        return super().convert_embeddedmodelfield_value(value, expression, connection)

    def key_conditions(self, field: str, keys: Sequence[Any]) -> Iterator[dict[str, Any]]:
        """The conditions, to be asked one after the other, for one range of an index below each of several keys.

        One condition: MongoDB reads a range below each key of an `$in`, in the index's order.

        Args:
            field: The index's first field.
            keys: Its values, in the order in which rows are to be found.
        """
        yield {field: {"$in": list(keys)}}

    def time_ranges(
        self,
        after: datetime.datetime | None,
        before: datetime.datetime | None,
        *,
        oldest_first: bool,
        about: Callable[[], datetime.datetime | None] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The conditions, to be asked one after the other, that find the dated rows of a range of time in their order.

        One condition: MongoDB reads a sorted range of an index no further than to the limit of the query.

        Args:
            after: The rows are later than this; None: they begin with the first one that has a time.
            before: The rows are earlier than this; None: they end with the last one.
            oldest_first: The order in which the rows are read.
            about: About where the end lies that is read first, if it is not given; an engine that does not need
                to know never asks.
        """
        yield {"$gt": after or _BEGINNING, **({} if before is None else {"$lt": before})}

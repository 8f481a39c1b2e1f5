"""Indexes that Django's `Index` cannot describe: with fields of embedded objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from pymongo import ASCENDING, DESCENDING
from pymongo.operations import IndexModel


class PathIndex(models.Index):
    """An index of fields, and below them of paths into embedded objects and of the key.

        PathIndex(fields=["seller"], paths=["-seller_last_message.created_at", "_id"], name="room_list_seller")

    Args:
        fields: As of Django's `Index`: names of the model's fields.
        paths: Names as MongoDB has them, in their order behind the fields; one that begins with "-" descends.
        name: The index's name.
    """

    def __init__(self, *, fields: Sequence[str], paths: Sequence[str], name: str) -> None:
        super().__init__(fields=fields, name=name)
        self.paths = list(paths)

    def deconstruct(self) -> Any:
        """What a migration makes the index from."""
        path, arguments, options = super().deconstruct()
        return path, arguments, {**options, "paths": self.paths}

    def get_pymongo_index_model(self, *args: Any, **options: Any) -> IndexModel:
        """Return the driver's description; the MongoDB backend's schema editor calls this."""
        described: IndexModel = super().get_pymongo_index_model(*args, **options)  # type: ignore[misc]
        document = described.document
        keys = {path.removeprefix("-"): DESCENDING if path.startswith("-") else ASCENDING for path in self.paths}
        return IndexModel([*document["key"].items(), *keys.items()], name=document["name"])

"""The schema editor, whose unique indexes serve look-ups, and which takes the indexes that it finds.

Unique indexes: django-mongodb-backend 5.2 makes each one partial by `{field: {$type: …}}`, so that documents without a
value do not collide. MongoDB uses a partial index only where the query provably implies the filter, and no rule proves
a `$type` from an equality: each look-up by such a field reads the whole collection (their issue 543). A field that is
never null needs no filter. A text that may be null gets `{field: {$gte: ""}}`: the same documents, and every equality
with a text implies it.

Indexes that exist: `createIndexes` fails (error 85) where an index with the same keys has another name, as Mongoose's
`buyer_1` has. Such an index is taken for the wanted one. So a migration that broke off goes on when it is started
again.
"""

from __future__ import annotations

import datetime
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management.base import CommandError
from django.db.models import Index, Model
from django_mongodb_backend.indexes import SearchIndex
from django_mongodb_backend.schema import DatabaseSchemaEditor as MongoSchemaEditor
from django_mongodb_backend.schema import ignore_embedded_models
from pymongo.errors import OperationFailure
from pymongo.operations import IndexModel

logger = logging.getLogger(__name__)

LARGE = 1_000_000
"""Documents of a collection, from which on building an index takes minutes."""

_IDENTITY = ("unique", "sparse", "partialFilterExpression", "collation")
"""The options that, with the keys, say what an index finds and refuses."""
_CONFLICTS = (85, 86)  # IndexOptionsConflict, IndexKeySpecsConflict


class DatabaseSchemaEditor(MongoSchemaEditor):
    """django-mongodb-backend's, with the indexes that this module's own words describe."""

    def create_model(self, model: type[Model]) -> None:
        """Create the collection and its indexes; of a collection that exists, the indexes that it lacks."""
        if self.collect_sql or model._meta.db_table not in self.connection.introspection.table_names():
            super().create_model(model)
            return
        self._create_model_indexes(model)
        for field in model._meta.local_many_to_many:
            through: Any = field.remote_field.through
            if through._meta.auto_created:
                self.create_model(through)

    @ignore_embedded_models  # type: ignore[untyped-decorator]
    def add_index(
        self,
        model: type[Model],
        index: Index,
        *,
        field: Any = None,
        unique: bool = False,
        column_prefix: str = "",
        parent_model: type[Model] | None = None,
    ) -> None:
        """Build an index, unless one that does the same exists. CommandError: another one is in its way."""
        if isinstance(index, SearchIndex):
            super().add_index(model, index, column_prefix=column_prefix, parent_model=parent_model)
            return
        wanted = index.get_pymongo_index_model(  # type: ignore[attr-defined]  # the MongoDB backend's own
            model, schema_editor=self, field=field, unique=unique, column_prefix=column_prefix
        )
        if wanted is None:
            return
        if unique:
            indexed: list[Any] = [field] if field else [model._meta.get_field(name) for name, _ in index.fields_orders]
            prefix = column_prefix if field else ""  # as django-mongodb-backend names the columns of the filter
            _let_serve(wanted, {prefix + each.column: each.null for each in indexed})
        self.build_index((parent_model or model)._meta.db_table, wanted)

    @ignore_embedded_models  # type: ignore[untyped-decorator]
    def remove_index(self, model: type[Model], index: Index) -> None:
        """Drop an index, if it is there; one that was taken under another name is not ours, and stays."""
        collection = self.get_collection(model._meta.db_table)
        if self.collect_sql or isinstance(index, SearchIndex) or index.name in collection.index_information():
            super().remove_index(model, index)

    def build_index(self, table: str, wanted: IndexModel) -> None:
        """Build an index of a collection, unless one that does the same exists."""
        collection = self.get_collection(table)
        if self.collect_sql:
            collection.create_indexes([wanted])
            return
        existing = list(collection.list_indexes())
        if any(_does_the_same(wanted.document, each, table) for each in existing):
            return
        name = wanted.document["name"]
        for each in existing:
            if each["name"] == name and _serves_nothing(each):
                logger.info("index %s of %s is built anew: no query could use it", name, table)
                collection.drop_index(name)
        if (count := collection.estimated_document_count()) >= LARGE:
            logger.warning(
                "index %s is being built on the %d documents of %s, which takes minutes. "
                "`manage.py print_indexes` prints how to build it beforehand.",
                name,
                count,
                table,
            )
        try:
            collection.create_indexes([wanted])
        except OperationFailure as error:
            if error.code not in _CONFLICTS:
                raise
            raise CommandError(_in_the_way(table, wanted.document, existing)) from error


def missing_indexes(connection: Any, models: Iterable[type[Model]]) -> list[str]:
    """The statements, for mongosh, that build what the collections of models lack; of those collections that exist."""
    tables = set(connection.introspection.table_names())
    editor = _Lister(connection)
    for model in models:
        if model._meta.db_table in tables:
            editor._create_model_indexes(model)  # noqa: SLF001  (Django has no public name for it)
    return editor.missing


class _Lister(DatabaseSchemaEditor):
    """Notes what it would build."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.missing: list[str] = []

    def build_index(self, table: str, wanted: IndexModel) -> None:
        existing = self.get_collection(table).list_indexes()
        if not any(_does_the_same(wanted.document, each, table) for each in existing):
            self.missing.append(statement(table, wanted.document))


def statement(table: str, wanted: Mapping[str, Any]) -> str:
    """The statement for mongosh that builds an index."""
    options = {name: value for name, value in wanted.items() if name != "key"}
    return f"db.getCollection({json.dumps(table)}).createIndex({_literal(wanted['key'])}, {_literal(options)})"


def _literal(value: Any) -> str:
    """A value as mongosh reads it: JSON knows no instants."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)}: {_literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, datetime.datetime):  # MongoDB's are in UTC, and so are those without a time zone
        instant = value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)
        return f'ISODate("{instant.isoformat(timespec="milliseconds").removesuffix("+00:00")}Z")'
    return json.dumps(value)


def _let_serve(wanted: IndexModel, nullable: Mapping[str, bool]) -> None:
    """Replace the filters by `$type` of a unique index's columns, as this module's own words have it."""
    filters: dict[str, Any] = dict(wanted.document.pop("partialFilterExpression", {}))
    for column, may_be_null in nullable.items():
        condition = dict(filters.pop(column, {}))
        if not may_be_null:
            del condition["$type"]
        elif condition["$type"] == "string":
            del condition["$type"]
            condition["$gte"] = ""
        if condition:
            filters[column] = condition
    if filters:
        wanted.document["partialFilterExpression"] = filters


def _does_the_same(wanted: Mapping[str, Any], existing: Mapping[str, Any], table: str) -> bool:
    if list(wanted["key"].items()) != list(existing["key"].items()):
        return False
    if any((wanted.get(option) or None) != (existing.get(option) or None) for option in _IDENTITY):
        return False
    if existing.get("hidden"):
        logger.warning("index %s of %s is hidden, so no query uses it: unhide it", existing["name"], table)
    if existing["name"] != wanted["name"]:
        logger.info("%s has an index %s, which is taken for %s", table, existing["name"], wanted["name"])
    return True


def _serves_nothing(existing: Mapping[str, Any]) -> bool:
    """Whether it is a unique index as django-mongodb-backend makes them."""
    filters: Mapping[str, Any] = existing.get("partialFilterExpression", {})
    return bool(existing.get("unique")) and any(
        isinstance(condition, Mapping) and "$type" in condition for condition in filters.values()
    )


def _in_the_way(table: str, wanted: Mapping[str, Any], existing: list[Mapping[str, Any]]) -> str:
    rivals = [
        f"{each['name']} ({', '.join(f'{name}: {value}' for name, value in each.items() if name not in ('v', 'name'))})"
        for each in existing
        if each["name"] == wanted["name"] or dict(each["key"]) == dict(wanted["key"])
    ]
    return (
        f"{table} cannot get the index {wanted['name']}: {' and '.join(rivals)} is in its way, and differs. "
        f"Drop that index, in mongosh, and migrate again. What is wanted: {statement(table, wanted)}"
    )

"""Migrations of collections that may exist, full of documents that are not ours to lose, and are many.

Django's CreateModel asks MongoDB for a new collection, which fails where there is one (`CollectionInvalid`); undone,
it drops the collection. The one here adds its indexes to what is there, and undone takes nothing but those indexes.
Its AddField writes the new field into every document; the one here leaves them as they are.
"""

from __future__ import annotations

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.migrations.state import ProjectState


class AdoptModel(migrations.CreateModel):
    """Take over a collection, making it first where it does not exist."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Make the model's indexes, on its existing collection or a new one."""
        model = _model(to_state.apps, app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if model._meta.db_table in schema_editor.connection.introspection.table_names():
            schema_editor._create_model_indexes(model)
        else:
            schema_editor.create_model(model)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop the model's indexes; its documents stay."""
        model = _model(from_state.apps, app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        for constraint in model._meta.constraints:
            schema_editor.remove_constraint(model, constraint)
        for index in model._meta.indexes:
            schema_editor.remove_index(model, index)

    def describe(self) -> str:
        """One line for `migrate`'s output."""
        return f"Adopt the collection of model {self.name}"


class AddAbsentField(migrations.AddField):
    """Add a field without a default, which a document lacks until it has a value. Not for one with an index."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Leave the documents alone."""

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Leave the documents alone: what was noted in them stays."""


def _model(apps: Apps, app_label: str, name: str) -> Any:
    return apps.get_model(app_label, name)

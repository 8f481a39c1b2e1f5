"""Migrations of collections that may exist, full of documents that are not ours to lose, and are many.

Django's CreateModel, undone, drops the collection; the one here takes nothing but its indexes.
Its AddField writes the new field into every document; the one here leaves them as they are.
"""

from __future__ import annotations

from typing import Any

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class AdoptModel(migrations.CreateModel):
    """Take over a collection, making it first where it does not exist: the schema editor does either."""

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


class BuildIndexes(Operation):
    """Build the indexes that a model's collection lacks, and those anew that serve no look-up: the schema editor knows.

    Not for large collections whose unique index is built anew: between its end and its beginning nothing is unique.
    """

    reversible = True

    def __init__(self, model_name: str) -> None:
        """`model_name`: the model's; the collections of its relations go with it."""
        self.model_name = model_name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The model stays as it is."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Build them."""
        model = _model(to_state.apps, app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.create_model(model)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Leave them."""

    def describe(self) -> str:
        """One line for `migrate`'s output."""
        return f"Build the indexes of model {self.model_name}"


class DropFormerIndex(Operation):
    """Drop an index that models no longer have and that may be there, from a migration that has been changed since."""

    reversible = True

    def __init__(self, model_name: str, name: str) -> None:
        """`name`: the index's."""
        self.model_name = model_name
        self.name = name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Models do not know the index."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop it, if it is there."""
        model = _model(from_state.apps, app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.remove_index(model, models.Index(fields=["pk"], name=self.name))

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Leave it dropped."""

    def describe(self) -> str:
        """One line for `migrate`'s output."""
        return f"Drop the former index {self.name}"


def _model(apps: Apps, app_label: str, name: str) -> Any:
    return apps.get_model(app_label, name)

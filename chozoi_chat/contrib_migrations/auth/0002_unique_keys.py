"""Unique keys by indexes that their look-ups use, as the schema editor makes them now."""

from typing import Any

from django.db import migrations


def build_indexes(apps: Any, schema_editor: Any) -> None:
    for name in ("Permission", "Group", "User"):
        schema_editor.create_model(apps.get_model("auth", name))  # of a collection that exists: what it lacks


class Migration(migrations.Migration):
    dependencies = [("auth", "0001_initial")]

    operations = [migrations.RunPython(build_indexes, migrations.RunPython.noop)]

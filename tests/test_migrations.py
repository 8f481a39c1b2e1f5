"""Which migrations may run while processes of the version before serve: docs/operations.md names those that do more
than add what an old process passes over.
"""

import re
from pathlib import Path

from django.db.migrations import AddIndex, AlterField, CreateModel
from django.db.migrations.loader import MigrationLoader

from persistence.migration_operations import AddAbsentField, AdoptModel

PAGE = Path(__file__).resolve().parents[1] / "docs" / "operations.md"
OURS = {"conversations", "event_relay", "moderation", "admin", "auth", "contenttypes"}
HARMLESS = (AddAbsentField, AddIndex, AdoptModel, AlterField, CreateModel)
"""They touch no document. (A CharField that is altered has other choices: MongoDB knows nothing of them.)"""


def test_the_page_names_each_migration_that_old_processes_may_notice() -> None:
    migrations = MigrationLoader(None).disk_migrations
    noticed = {
        f"{app}.{name[:4]}"
        for (app, name), migration in migrations.items()
        if app in OURS and not all(isinstance(operation, HARMLESS) for operation in migration.operations)
    }
    table = re.findall(r"^\| ((?:`[a-z_]+\.\d{4}`(?:, )?)+) \|", PAGE.read_text(), re.MULTILINE)
    assert {named for row in table for named in re.findall(r"`([^`]+)`", row)} == noticed

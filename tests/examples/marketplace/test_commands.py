"""The example project's commands on each database."""

from __future__ import annotations

import json

import pytest

from tests.examples.marketplace.project import Marketplace

pytestmark = pytest.mark.slow


def test_its_checks_and_migrations_are_clean(marketplace: Marketplace) -> None:
    checked = marketplace.manage("check", "--database", "default", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    changes = marketplace.manage("makemigrations", "--check", "--dry-run")
    assert changes.returncode == 0, changes.stdout


def test_seeding_again_changes_nothing(marketplace: Marketplace) -> None:
    before = json.loads(marketplace.manage("dumpdata", "accounts", "shops").stdout)
    assert len(before) == 7 + 3 + 14
    assert marketplace.manage("seed", "--password", "another").returncode == 0
    assert json.loads(marketplace.manage("dumpdata", "accounts", "shops").stdout) == before


def test_all_is_in_the_database_that_the_url_names(marketplace: Marketplace) -> None:
    has_url = "DATABASE_URL" in marketplace.environment
    assert (marketplace.directory / "marketplace.sqlite3").exists() is not has_url
    asked = "from django.db import connection; print(connection.vendor, connection.introspection.table_names())"
    said = marketplace.manage("shell", "--no-imports", "--command", asked).stdout
    assert said.startswith("postgresql [" if has_url else "sqlite [")
    assert "'shops_product'" in said

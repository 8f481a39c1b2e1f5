"""What the example project says of itself to those who work on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.examples.marketplace.project import Marketplace

pytestmark = pytest.mark.slow


def test_its_checks_and_migrations_are_clean(marketplace: Marketplace) -> None:
    checked = marketplace.manage("check", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    changes = marketplace.manage("makemigrations", "--check", "--dry-run")
    assert changes.returncode == 0, changes.stdout


def test_seeding_again_changes_nothing(marketplace: Marketplace) -> None:
    before = json.loads(marketplace.manage("dumpdata", "accounts", "shops").stdout)
    assert len(before) == 7 + 3 + 14
    assert marketplace.manage("seed", "--password", "another").returncode == 0
    assert json.loads(marketplace.manage("dumpdata", "accounts", "shops").stdout) == before


def test_outside_of_development_seed_wants_a_password(marketplace: Marketplace) -> None:
    done = marketplace.manage("seed", DEBUG="false", SECRET_KEY="the tests' own")
    assert "Give a --password" in done.stderr


def test_outside_of_development_there_is_no_secret_key_for_all(marketplace: Marketplace) -> None:
    assert "KeyError: 'SECRET_KEY'" in marketplace.manage("check", DEBUG="false").stderr


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////srv/shop.sqlite3", {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/shop.sqlite3"}),
        (
            "postgres://ann:a%40b%2Fc@[::1]:5433/shop%20one?sslmode=require",
            {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "shop one",
                "USER": "ann",
                "PASSWORD": "a@b/c",
                "HOST": "::1",
                "PORT": 5433,
                "OPTIONS": {"sslmode": "require"},
            },
        ),
        ("mysql://localhost/shop", "DATABASE_URL begins with 'mysql'; it may be postgresql or sqlite"),
        ("postgresql://localhost", "DATABASE_URL names no database"),
    ],
)
def test_a_database_url(marketplace: Marketplace, url: str, expected: dict[str, object] | str) -> None:
    asked = "import json, sys; from marketplace.database_url import database; print(json.dumps(database(sys.argv[1])))"
    done = marketplace.run("-c", asked, url)
    assert expected in done.stderr if isinstance(expected, str) else json.loads(done.stdout) == expected


def test_the_database_is_beside_manage_py(marketplace: Marketplace) -> None:
    assert Path(marketplace.directory, "marketplace.sqlite3").exists()

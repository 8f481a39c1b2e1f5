"""The example project's settings: what the environment says, and what holds without it."""

from __future__ import annotations

import json

import pytest

from tests.examples.marketplace.project import Marketplace

pytestmark = pytest.mark.slow


def test_the_database_is_beside_manage_py_unless_a_url_names_another(project: Marketplace) -> None:
    assert project.manage("migrate").returncode == 0
    assert (project.directory / "marketplace.sqlite3").exists()
    assert project.manage("migrate", DATABASE_URL="sqlite:///another.sqlite3").returncode == 0
    assert (project.directory / "another.sqlite3").exists()


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
    ],
)
def test_a_database_url_is_taken_apart(project: Marketplace, url: str, expected: dict[str, object]) -> None:
    asked = "import json, sys; from marketplace.database_url import database; print(json.dumps(database(sys.argv[1])))"
    assert json.loads(project.run("-c", asked, url).stdout) == expected


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://localhost/shop", "DATABASE_URL begins with 'mysql'; it may be postgresql or sqlite"),
        ("postgresql://localhost", "DATABASE_URL names no database"),
    ],
)
def test_a_wrong_database_url_is_explained(project: Marketplace, url: str, problem: str) -> None:
    assert problem in project.manage("check", DATABASE_URL=url).stderr


def test_outside_of_development_seed_wants_a_password(project: Marketplace) -> None:
    assert "Give a --password" in project.manage("seed", DEBUG="false", SECRET_KEY="the tests' own").stderr


def test_outside_of_development_there_is_no_secret_key_for_all(project: Marketplace) -> None:
    assert "KeyError: 'SECRET_KEY'" in project.manage("check", DEBUG="false").stderr

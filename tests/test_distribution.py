"""chozoi-chat, the apps of the chat for a project that has its own: what it declares, and what is in its wheel."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.distributions import PROJECT, build, names_of, third_party
from tests.new_project import NewProject

DECLARED: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
CHAT = ("identity", "persistence", "presence", "conversations", "moderation")
KAFKA = ("auctions", "event_relay", "kafka_workers", "workers")


def imported(*packages: str) -> set[str]:
    modules = [path for package in packages for path in (PROJECT / package).rglob("*.py")]
    return {name for module in modules for name in third_party(module, *CHAT, *KAFKA)}


def test_the_dependencies_are_what_is_imported() -> None:
    assert names_of(DECLARED["dependencies"]) == imported(*CHAT)
    assert names_of(DECLARED["optional-dependencies"]["kafka"]) == imported(*KAFKA) - imported(*CHAT)


def test_the_changelog_has_this_version() -> None:
    assert f"\n## {DECLARED['version']}" in (PROJECT / "CHANGELOG.md").read_text()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    build(PROJECT / "socketio_bridge", directory)
    return build(PROJECT, directory)


@pytest.mark.slow
def test_the_wheel_has_the_apps_with_all_their_files_and_nothing_else(wheels: Path) -> None:
    [wheel] = wheels.glob("chozoi_chat-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    there = {
        path.relative_to(PROJECT).as_posix()
        for package in (*CHAT, *KAFKA)
        for path in (PROJECT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == there


@pytest.mark.slow
def test_the_apps_are_at_home_in_a_new_project(wheels: Path, tmp_path: Path, mongodb_server: None) -> None:
    """With SQLite as its database and Django's own users: nothing is wrong, and the migrations are complete."""
    project = NewProject(tmp_path, wheels)
    project.run("pip", "install", "--quiet", "chozoi-chat")
    project.run("django-admin", "startproject", "mysite", ".")
    with (project.directory / "mysite" / "settings.py").open("a") as settings:
        settings.write(SETTINGS.replace("ADDRESS", f"{os.environ['MONGODB_URI']}_of_a_new_project"))
    found = re.findall(r"\((\w+\.[A-Z]\d+)\)", project.run("python", "manage.py", "check"))
    assert found == ["socketio_bridge.W005", "socketio_bridge.W008"], "there is no channel layer and no server yet"
    assert "No changes" in project.run("python", "manage.py", "makemigrations", "--check", "--dry-run")
    for database in ("default", "chat"):
        project.run("python", "manage.py", "migrate", "--verbosity", "0", "--database", database)


SETTINGS = """
INSTALLED_APPS += ["socketio_bridge", "rest_framework", "identity", "presence", "conversations", "moderation"]
DATABASES["chat"] = {"ENGINE": "persistence.engine", "HOST": "ADDRESS"}
DATABASE_ROUTERS = ["persistence.database.ChatRouter"]
CONVERSATIONS = {"DATABASE": "chat"}
"""


@pytest.fixture(scope="module")
def bills(wheels: Path) -> dict[str, dict[str, Any]]:
    """The bills of materials of `make dist`, by the wheel's name."""
    subprocess.run([sys.executable, ".ci/sbom.py", str(wheels)], cwd=PROJECT, check=True)
    return {path.name.partition("-")[0]: json.loads(path.read_text()) for path in wheels.glob("*.cdx.json")}


def components(bill: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {component["name"].lower(): component for component in bill["components"]}


@pytest.mark.slow
def test_a_bill_of_materials_names_what_is_needed_directly_and_by_others(bills: dict[str, dict[str, Any]]) -> None:
    chat = components(bills["chozoi_chat"])
    assert bills["chozoi_chat"]["bomFormat"] == "CycloneDX"
    assert chat["django"]["version"] == version("Django")
    assert chat["django"]["purl"] == f"pkg:pypi/django@{version('Django')}"
    assert chat["django"]["scope"] == chat["sqlparse"]["scope"] == "required"
    assert chat["confluent-kafka"]["scope"] == "optional"
    assert "channels-socketio" in chat and "pytest" not in chat
    bridge = components(bills["channels_socketio"])
    assert "channels" in bridge and "pymongo" not in bridge
    needs = {each["ref"]: each.get("dependsOn", []) for each in bills["chozoi_chat"]["dependencies"]}
    assert f"pkg:pypi/sqlparse@{version('sqlparse')}" in needs[f"pkg:pypi/django@{version('Django')}"]


@pytest.mark.slow
def test_a_bill_of_materials_is_of_the_wheel_beside_it(wheels: Path, bills: dict[str, dict[str, Any]]) -> None:
    for wheel in wheels.glob("*.whl"):
        [hashed] = bills[wheel.name.partition("-")[0]]["metadata"]["component"]["hashes"]
        assert hashed == {"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}

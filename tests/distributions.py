"""Distributions: what they declare, what they import, and how they are built."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = {
    "PIL": "Pillow", "bson": "pymongo", "confluent_kafka": "confluent-kafka",
    "django_mongodb_backend": "django-mongodb-backend", "django_stubs_ext": "django-stubs-ext",
    "drf_spectacular": "drf-spectacular", "engineio": "python-engineio", "jwt": "PyJWT", "re2": "google-re2",
    "rest_framework": "djangorestframework", "socketio_bridge": "channels-socketio",
}  # fmt: skip
"""Those that are not called as what they bring."""
UNPACKED = (".*", "__pycache__", "node_modules", "dist", "test-artefacts", "tests", "benchmarks")


def third_party(module: Path, *own: str) -> set[str]:
    """The distributions that a module imports, wherever in it, but for the packages `own`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return {normalized(DISTRIBUTIONS.get(name, name)) for name in names - set(own) - sys.stdlib_module_names}


def names_of(requirements: list[str]) -> set[str]:
    return {normalized(re.split(r"[\[><=~! ;]", requirement)[0]) for requirement in requirements}


def normalized(name: str) -> str:
    """A distribution's name as it is compared (PyPA's specification "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def build(folder: Path, directory: Path) -> Path:
    """Build what `make dist` does of a folder: the source distribution, and from that the wheel; where they are."""
    # What a test's import leaves behind must not be packed, nor what git does not know.
    source = directory / f"source-of-{folder.name}"
    shutil.copytree(folder, source, ignore=shutil.ignore_patterns(*UNPACKED))
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory / "built"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory / "built"

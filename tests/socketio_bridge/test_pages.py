"""The bridge's guide, followed to the letter: its Python blocks make a project, and that project works. The table of
options, and what the pages name, are checked against the code.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from django.core.management import call_command

import socketio_bridge
from socketio_bridge import Options

FOLDER = Path(socketio_bridge.__file__).parent
README = FOLDER / "README.md"
GUIDE, DEPLOYMENT, INSIDE = (FOLDER / "docs" / f"{name}.md" for name in ("guide", "deployment", "inside"))
PAGES = (README, *sorted((FOLDER / "docs").glob("*.md")))
TEXT = GUIDE.read_text() + DEPLOYMENT.read_text()
BLOCKS = re.findall(r"``python\n# (\S+\.py)\n(.*?)``", TEXT, flags=re.DOTALL)
LOAD_INSTEAD_OF_SERVING = """
import runpy, uvicorn
uvicorn.run = lambda app, **options: uvicorn.Config(app, **options).load()
runpy.run_path("serve.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def project(redis_server: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `startproject` makes, with the guide's blocks: files that exist grow by them, all but asgi.py."""
    directory = tmp_path_factory.mktemp("guide")
    call_command("startproject", "mysite", str(directory))
    (directory / "mysite" / "asgi.py").unlink()
    for name, code in BLOCKS:
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as output:
            output.write(code.replace("redis://127.0.0.1:6379/0", os.environ["REDIS_ADDRESS"]))
    for package in ("orders", "orders/management", "orders/management/commands"):
        (directory / package / "__init__.py").touch()
    return directory


def run(project: Path, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env={**environment, "PYTHONPATH": str(FOLDER.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_python_block_is_a_file_of_the_project() -> None:
    assert len(BLOCKS) == TEXT.count("```python")


@pytest.mark.slow
class TestTheProject:
    def test_it_has_nothing_that_the_checks_complain_of(self, project: Path) -> None:
        assert "no issues" in run(project, "manage.py", "check", "--fail-level", "WARNING")

    def test_its_tests_pass(self, project: Path) -> None:
        said = run(project, "-W", "error::ResourceWarning", "manage.py", "test")
        assert "Ran 4 tests" in said
        assert "OK" in said

    def test_its_tests_for_pytest_pass(self, project: Path) -> None:
        quiet = ("-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "-W", "error::ResourceWarning")
        said = run(project, "-m", "pytest", "orders/pytests.py", "--ds=mysite.settings", *quiet)
        assert "3 passed" in said

    def test_its_server_takes_the_options(self, project: Path) -> None:
        run(project, "-c", LOAD_INSTEAD_OF_SERVING)

    def test_its_command_emits(self, project: Path) -> None:
        assert run(project, "manage.py", "announce", "We are back") == ""


def test_the_table_has_every_option_and_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| \S.* \|$", README.read_text(), flags=re.MULTILINE)
    documented = {name: ast.literal_eval(default) for name, default in rows}
    assert documented == msgspec.structs.asdict(Options())


def test_modules_that_are_explained_exist() -> None:
    names = re.findall(r"`(\w+/|\w+(?:/\w+)*\.py)`", INSIDE.read_text())
    assert len(names) > 10
    assert [name for name in names if not (FOLDER / name).exists()] == []


def test_what_is_imported_is_public() -> None:
    for _, code in BLOCKS:
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module == "socketio_bridge":
                assert {alias.name for alias in node.names} <= set(socketio_bridge.__all__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_linked_exists(page: Path) -> None:
    for name, _, anchor in re.findall(r"\]\((?!http)([^)#]*)(#([^)]+))?\)", page.read_text()):
        linked = page.parent / name if name else page
        assert linked.exists(), name
        headings = re.findall(r"^#+ (.*)$", linked.read_text(), flags=re.MULTILINE) if anchor else []
        assert anchor in ["", *(re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings)]

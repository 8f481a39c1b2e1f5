"""channels-socketio: what it declares, and its README followed from an empty environment, command by command.

The environment is made with the Python that runs the tests, or with DIST_PYTHON. A file that PIP_CONSTRAINT names tells
pip which versions to take.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import browser  # noqa: F401  a fixture
from tests.clients.client import Client
from tests.clients.driver import Driver
from tests.distributions import PROJECT, build, names_of, third_party
from tests.new_project import NewProject

FOLDER = PROJECT / "socketio_bridge"
README = (FOLDER / "README.md").read_text()
DECLARED: dict[str, Any] = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
OPTIONAL = {
    "recovery/redis_store.py": "redis",
    "testing/fixtures.py": "testing",
    "testing/live_server.py": "testing",
    "testing/over_network.py": "testing",
    "transports/uvicorn_protocol.py": "uvicorn",
}
"""Modules that need an extra, and which; no other module needs it."""
GENERATIONS = ("2.3.1", "4.8")


def test_the_dependencies_are_what_is_imported() -> None:
    modules = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*.py")}
    imported = set().union(
        *(third_party(path, "socketio_bridge") for name, path in modules.items() if name not in OPTIONAL)
    )
    assert names_of(DECLARED["dependencies"]) == imported
    for name, extra in OPTIONAL.items():
        missing = third_party(modules[name], "socketio_bridge") - imported
        assert missing
        assert missing <= names_of(DECLARED["optional-dependencies"][extra])


def test_the_pages_name_every_extra_and_the_changelog_this_version() -> None:
    pages = README + (FOLDER / "docs" / "guide.md").read_text()
    named = set(re.findall(r'"channels-socketio\[(\w+)\]"', pages))
    assert named == set(DECLARED["optional-dependencies"])
    assert f"\n## {DECLARED['version']}\n" in (FOLDER / "CHANGELOG.md").read_text()


def steps(section: str) -> list[tuple[str, str]]:
    """The fenced blocks of a section of the README: language and text."""
    [text] = re.findall(rf"^## {section}$(.*?)^## ", README, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


class ReadmeProject(NewProject):
    """A project in which the README is followed."""

    def follow(self, section: str) -> list[str]:
        """Do what a section says, up to the command that serves; what that and the commands before it are."""
        for language, text in steps(section):
            if language == "python":
                self._write(text)
                continue
            for command in text.splitlines():
                if command.startswith(("uvicorn ", "daphne ")):
                    return shlex.split(command)
                self.run(*shlex.split(command))
        raise AssertionError(f"{section} serves nothing")

    def _write(self, text: str) -> None:
        """A block whose first line names its file: it becomes the end of it, or the whole of asgi.py."""
        name = text.partition("\n")[0].removeprefix("# ")
        assert re.fullmatch(r"mysite/\w+\.py", name), name
        redis = f"{os.environ['REDIS_ADDRESS'].rsplit('/', 1)[0]}/8"
        with (self.directory / name).open("w" if name == "mysite/asgi.py" else "a") as file:
            file.write(text.replace("redis://127.0.0.1:6379/0", redis))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(FOLDER, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def project(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> ReadmeProject:
    return ReadmeProject(tmp_path_factory.mktemp("stranger"), wheels)


@pytest.fixture(scope="module")
def first_server(project: ReadmeProject) -> list[str]:
    """The first steps are done; the command that serves."""
    return project.follow("First steps")


async def talk(driver: Driver, url: str) -> None:
    """What the README's page does, with stock clients of both generations."""

    def client(version: str) -> Client:
        return Client(
            driver,
            version=version,
            url=url,
            namespace="/",
            path="/socket.io/",
            transports=("polling", "websocket"),
        )

    async with client("2.3.1") as ann, client("4.8") as bob, client("4.8") as eve, client("2.3.1") as joe:
        for speaker in (ann, bob):
            said = f"hello from {speaker.socket_id}"
            assert await speaker.ask("say", said) == f"you: {said}"
            for other in {ann, bob, eve, joe} - {speaker}:
                # A process that had no clients a moment ago may only now tell those here what was said then.
                while await other.expect("said") != said:
                    pass
                assert [event.payload for event in other.events].count(said) == 1


on_the_drivers_loop = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.slow
class TestTheReadme:
    @on_the_drivers_loop
    async def test_first_steps(self, first_server: list[str], project: ReadmeProject, driver: Driver) -> None:
        with project.serving(first_server) as url:
            await talk(driver, url)
            page = httpx.get(url).text
            [script] = re.findall(r'<script src="([^"]+)">', page)
            assert "Socket.IO v4" in httpx.get(url + script).text[:50]

    @on_the_drivers_loop
    async def test_its_page_in_two_windows(
        self,
        first_server: list[str],
        project: ReadmeProject,
        browser: Browser,  # noqa: F811
    ) -> None:
        """By the client that the server serves: no request goes elsewhere."""
        with project.serving(first_server) as url:
            pages = [await browser.new_page(), await browser.new_page()]
            asked: list[str] = []
            for page in pages:
                page.on("request", lambda request: asked.append(request.url))
                await page.goto(url)
            ann, bob = pages
            await ann.fill("#text", "hello")
            await ann.press("#text", "Enter")
            await expect(ann.locator("#said")).to_have_text("you: hello")
            await expect(bob.locator("#said")).to_have_text("hello")
            for page in pages:
                await page.close()
        assert f"{url}/socket.io/socket.io.js" in asked
        assert [each for each in asked if not each.startswith(f"{url}/")] == []

    def test_the_check_warns_of_what_the_readme_says_alone(
        self, first_server: list[str], project: ReadmeProject
    ) -> None:
        said = project.run("python", "manage.py", "check")
        assert re.findall(r"socketio_bridge\.\w\d+", said) == ["socketio_bridge.W005"]

    def test_nothing_else_needs_an_extra(self, first_server: list[str], project: ReadmeProject) -> None:
        optional = {f"socketio_bridge.{name.removesuffix('.py').replace('/', '.')}" for name in OPTIONAL}
        walk = (
            "import importlib.util, pkgutil, socketio_bridge\n"
            "assert not any(map(importlib.util.find_spec, ('redis', 'pytest')))\n"
            "for module in pkgutil.walk_packages(socketio_bridge.__path__, 'socketio_bridge.'):\n"
            f"    if module.name not in {optional}:\n"
            "        importlib.import_module(module.name)\n"
        )
        project.run("python", "manage.py", "shell", "--no-imports", "--command", walk)
        recover = 'SOCKETIO = {"max_disconnection_duration": 60, "recovery_redis_url": "redis://127.0.0.1"}\n'
        (project.directory / "recovering.py").write_text(f"from mysite.settings import *\n{recover}")
        told = "from socketio_bridge.checks import check_options; print(check_options(None))"
        shell = ("shell", "--no-imports", "--settings", "recovering", "--command", told)
        assert "channels-socketio[redis]" in project.run("python", "manage.py", *shell)

    def test_it_is_typed(self, first_server: list[str], project: ReadmeProject) -> None:
        """A type checker finds the types in the wheel: what the README says is right, a wrong argument is not."""
        chat = project.directory / "mysite" / "chat.py"
        wrong = project.directory / "mysite" / "wrong.py"
        wrong.write_text(chat.read_text().replace('broadcast("said", text)', "broadcast(7, text)"))
        checked = [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--python-executable",
            str(project.python),
            "--no-incremental",
        ]
        said = subprocess.run(
            [*checked, chat, wrong], cwd=project.directory, capture_output=True, text=True, check=False
        ).stdout
        wrong.unlink()
        assert re.findall(r"^(\S+):\d+: error: .*\[(\S+)\]$", said, flags=re.MULTILINE) == [
            ("mysite/wrong.py", "arg-type")
        ], said

    @on_the_drivers_loop
    async def test_daphne(self, first_server: list[str], project: ReadmeProject, driver: Driver) -> None:
        with project.serving(project.follow("Servers")) as url:
            await talk(driver, url)

    @on_the_drivers_loop
    async def test_several_processes(
        self, first_server: list[str], project: ReadmeProject, redis_server: None, driver: Driver
    ) -> None:
        command = project.follow("Several processes")
        assert "socketio_bridge" not in project.run("python", "manage.py", "check")
        with project.serving(command) as url:
            for _ in range(3):
                await talk(driver, url)

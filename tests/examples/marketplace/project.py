"""The example project of `examples/marketplace`, copied, and run as its README says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx

from devstack.embedded import free_port
from tests.serving import start_server

PROJECT = Path(__file__).resolve().parents[3]
SOURCE = PROJECT / "examples" / "marketplace"
PASSWORD = "marketplace"


class Marketplace:
    """A copy of the project, with a database of its own.

    Args:
        directory: Where the copy is made; it does not exist yet.
        variables: What the environment has besides PATH and HOME.

    """

    def __init__(self, directory: Path, **variables: str) -> None:
        ignored = shutil.ignore_patterns(".venv", "*.sqlite3", "__pycache__", "collected-static")
        self.directory = Path(shutil.copytree(SOURCE, directory, ignore=ignored))
        self.environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | variables
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py`, with some variables besides."""
        return self.run("manage.py", *arguments, **variables)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the project's folder."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def commands_of_the_readme(self) -> list[list[str]]:
        """The arguments of `manage.py`, as the README gives them one after another."""
        found = re.findall(r"^\.venv/bin/python manage\.py (.+)$", (SOURCE / "README.md").read_text(), re.MULTILINE)
        return [command.split() for command in found]

    def start(self) -> None:
        """Do what the README says. The last command serves, here on a free port."""
        *preparing, serving = self.commands_of_the_readme()
        for command in preparing:
            done = self.manage(*command)
            assert done.returncode == 0, done.stderr
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self._process = start_server(
            [sys.executable, "manage.py", *serving, "--noreload", address],
            self.url,
            cwd=self.directory,
            env=self.environment,
            log=self.directory / "server.log",
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)


class Visitor:
    """A browser without scripts. It knows the pages that it has been shown.

    Args:
        url: Where the marketplace is.
        username: Who logs in; None: nobody.

    """

    def __init__(self, url: str, username: str | None = None) -> None:
        self._browser = httpx.Client(base_url=url, follow_redirects=True, timeout=30)
        if username is not None:
            self.open("/login/")
            self.post("/login/", username=username, password=PASSWORD)

    def open(self, path: str) -> str:
        """The page at a path, or the one that it leads to."""
        answer = self._browser.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def post(self, path: str, **form: str) -> str:
        """The page that follows a form."""
        answer = self._browser.post(path, data=form, headers={"X-CSRFToken": self._browser.cookies["csrftoken"]})
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def open_all(self, path: str = "/", *, below: str = "/") -> dict[str, str]:
        """Every page that links lead to from this one, by path.

        Left out are lists that are only sorted otherwise, and in the admin the pages below each object's own.
        """
        pages: dict[str, str] = {}
        unopened = [path]
        while unopened:
            if (path := unopened.pop()) not in pages:
                pages[path] = self.open(path)
                links = re.findall(r'href="(/[^"#]*|\?page=\d+)"', pages[path])
                links = [link if link.startswith("/") else path.partition("?")[0] + link for link in links]
                links = [link for link in links if link.startswith(below) and re.search(r"/(\?page=\d+)?$", link)]
                unopened += [link for link in links if not re.search(r"/admin/r/|/(history|delete|password)/$", link)]
        return pages

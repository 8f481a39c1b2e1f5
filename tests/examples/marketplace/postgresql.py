"""A PostgreSQL of the tests' own, of Debian's package: on loopback, with a password, its data gone when it stops."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg

from devstack.embedded import EmbeddedStore

USER, DATABASE = "market", "chợ nhỏ"


class PostgreSQLMissing(RuntimeError):
    """There is no PostgreSQL on this machine."""


def programs() -> Path:
    """The folder of `initdb` and `postgres`, which Debian leaves out of PATH.

    Raises:
        PostgreSQLMissing: There is none.

    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    raise PostgreSQLMissing("there is no PostgreSQL: install Debian's package postgresql")


class PostgreSQL(EmbeddedStore):
    """One server, with a database and its owner. Make it once; it is not started again after `stop`."""

    name = "postgresql"

    def __init__(self) -> None:
        self._programs = programs()
        self._password = "a/b:c@d%" + secrets.token_hex(8)
        super().__init__(Path(tempfile.mkdtemp(prefix="postgresql-")))

    @property
    def address(self) -> str:
        """The URL of the database."""
        return self._url(DATABASE)

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{quote(self._password, safe='')}@127.0.0.1:{self.port}/{quote(database)}"

    def _unprivileged(self, program: str, *arguments: str) -> list[str]:
        """A command line; PostgreSQL refuses to run as root, so that root runs it as nobody.

        The signal at the parent's death is lost with the user's change, and is set anew.
        """
        command = [str(self._programs / program), *arguments]
        if os.geteuid() != 0:
            return command
        nobody = ("--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=SIGKILL")
        return ["setpriv", *nobody, "--", *command]

    def command(self) -> list[str]:
        """Return the command line of a server that forgets what a crash of the machine would cost it."""
        listening = ("-h", "127.0.0.1", "-p", str(self.port), "-c", "unix_socket_directories=")
        return self._unprivileged("postgres", "-D", str(self.directory), *listening, "-c", "fsync=off")

    def answers(self) -> bool:
        """Tell whether it lets its user in."""
        try:
            psycopg.connect(self._url("postgres"), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Make the files, start the server, and make the database."""
        self.directory.mkdir(mode=0o700)
        password = self.data_dir / "password"
        password.write_text(self._password)
        if os.geteuid() == 0:
            for path in (self.data_dir, self.directory, password):
                shutil.chown(path, "nobody", "nogroup")
        encoding = ("--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--no-locale", "--no-sync")
        initialising = self._unprivileged("initdb", "-D", str(self.directory), "-U", USER, *encoding)
        done = subprocess.run(initialising, cwd=self.data_dir, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        super().start()
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def stop(self) -> None:
        """Stop it, and remove its files."""
        super().stop()
        shutil.rmtree(self.data_dir)

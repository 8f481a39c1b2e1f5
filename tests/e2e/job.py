"""A process without sockets beside the servers under test, as a command, a job or Django under WSGI is."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from .server_process import PROJECT

_PROGRAM = """
import json, sys, textwrap
import django
django.setup()

for line in sys.stdin:
    lines, known = json.loads(line)
    try:
        exec("def act():\\n" + textwrap.indent(lines, "    "), known)
        print(json.dumps([known["act"](), None]), flush=True)
    except Exception as error:
        print(json.dumps([None, repr(error)]), flush=True)
"""


class Job:
    """One process for many tests: to start Django takes seconds."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "chozoi_chat.settings"}
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PROGRAM),
            cwd=PROJECT,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def do(self, lines: str, **names: Any) -> Any:
        """Run the lines of a function there, without an event loop, and return what they return.

        `names` are known to them. They, and what is returned, are anything that JSON holds.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([lines, names]).encode() + b"\n")
        answer = await asyncio.wait_for(self._process.stdout.readline(), 60)
        returned, problem = json.loads(answer) if answer else (None, "the process ended")
        assert problem is None, f"{lines} failed: {problem}"
        return returned

"""Staff at work on the servers under test: a process of its own, without sockets, as a command or an admin is."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from .server_process import PROJECT

_PROGRAM = """
import asyncio, datetime, json, sys, textwrap
import django
django.setup()
from django.utils import timezone
from moderation import services
from moderation.models import MessageFilter
from moderation.staff import Staff

staff = Staff.at_the_console("e2e")

def soon(seconds):
    return timezone.now() + datetime.timedelta(seconds=seconds)

for line in sys.stdin:
    lines, names = json.loads(line)
    known = {**globals(), **names}
    exec("async def act():\\n" + textwrap.indent(lines, "    "), known)
    try:
        asyncio.run(known["act"]())
    except Exception as error:
        print(json.dumps(repr(error)), flush=True)
    else:
        print("null", flush=True)
"""


class Moderator:
    """Runs lines of a coroutine in which `services`, `staff`, `soon` and `MessageFilter` are at hand."""

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

    async def do(self, *lines: str, **names: Any) -> None:
        """Do it, and return when it is done. `names` can be used in the lines: anything that JSON holds."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(["\n".join(lines), names]).encode() + b"\n")
        answer = await asyncio.wait_for(self._process.stdout.readline(), 60)
        problem = json.loads(answer) if answer else "the process ended"
        assert problem is None, f"{lines} failed: {problem}"

"""The names of auctions' leaders, asked of ACCOUNT_SERVICE, which may be slow, down or not configured.

A result never waits longer than PATIENCE for them. What comes later is kept for the next result.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from urllib.parse import quote

import httpx
import msgspec
from django.conf import settings

from auctions.results import NOBODY

logger = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds for which results wait for names, all names of a batch together."""
TIMEOUT = 3.0
"""Seconds after which the service is thought not to answer a question at all."""
MOST_NAMES = 10_000
MOST_ASKING = 50
"""Questions under way at once. Others are not asked: the next result asks again."""
LIFETIME = 600.0
"""Seconds for which a name, or that somebody has none, is believed."""
FAILURE_LIFETIME = 5.0
"""Seconds before the service is asked again what it did not answer."""
LARGEST_ANSWER = 64 * 1024

_NO_NAME = (
    TimeoutError,
    httpx.HTTPError,
    httpx.InvalidURL,
    msgspec.MsgspecError,
    UnicodeDecodeError,  # msgspec's for bytes that are no UTF-8
    RecursionError,  # and for what is nested without end
)


class WinnerNames:
    """Names by user id, for one event loop; `close` it in the end. `clock`: seconds, only ever growing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._names: OrderedDict[int, tuple[str, float]] = OrderedDict()
        self._asking: dict[int, asyncio.Task[None]] = {}
        self._client: httpx.AsyncClient | None = None

    async def of(self, user_ids: Iterable[int]) -> dict[int, str]:
        """What is known of these users within PATIENCE seconds: an empty name for the others. Raises nothing."""
        wanted = {user_id for user_id in user_ids if user_id != NOBODY}
        waiting = [task for user_id in wanted if (task := self._ask(user_id)) is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=PATIENCE)
        return {user_id: self._known(user_id) or "" for user_id in wanted}

    async def close(self) -> None:
        """Drop what is being asked."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._client is not None:
            await self._client.aclose()

    def _known(self, user_id: int) -> str | None:
        name, until = self._names.get(user_id, ("", 0.0))
        return name if until > self._clock() else None

    def _ask(self, user_id: int) -> asyncio.Task[None] | None:
        """The question under way about a user; `None`: known, or not to be asked now."""
        if not settings.ACCOUNT_SERVICE or self._known(user_id) is not None:
            return None
        if user_id not in self._asking and len(self._asking) < MOST_ASKING:
            task = asyncio.get_running_loop().create_task(self._find(user_id))
            self._asking[user_id] = task
            task.add_done_callback(lambda _: self._asking.pop(user_id, None))
        return self._asking.get(user_id)

    async def _find(self, user_id: int) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                name, lifetime = await self._fetch(user_id), LIFETIME
        except _NO_NAME as error:
            logger.warning("the name of user %s is not known for now: %r", user_id, error)
            before, _ = self._names.get(user_id, ("", 0.0))
            name, lifetime = before, FAILURE_LIFETIME  # an old name is better than none
        self._names[user_id] = (name, self._clock() + lifetime)
        self._names.move_to_end(user_id)
        while len(self._names) > MOST_NAMES:
            self._names.popitem(last=False)

    async def _fetch(self, user_id: int) -> str:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=TIMEOUT)
        url = f"{settings.ACCOUNT_SERVICE}/{quote(str(user_id), safe='')}"
        async with self._client.stream("GET", url) as response:
            if response.status_code == 404:
                return ""
            response.raise_for_status()
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise httpx.DecodingError(f"the answer is larger than {LARGEST_ANSWER} bytes")
        name = msgspec.json.decode(body, type=dict[str, object]).get("name")
        return name if isinstance(name, str) else ""

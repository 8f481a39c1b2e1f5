"""The names of auctions' leaders, from ACCOUNT_SERVICE, which may be slow, down or not configured.

Results wait for names BATCH_TIMEOUT at most. A name that comes later serves the next result.
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

from auctions.configuration import AuctionSettings
from auctions.results import NOBODY

logger = logging.getLogger(__name__)

BATCH_TIMEOUT = 0.5
"""Seconds that a batch of results waits for all of its names together."""
REQUEST_TIMEOUT = 3.0
"""Seconds after which a request has failed."""
MAX_NAMES = 10_000
MAX_REQUESTS = 50
"""Requests that may be open at once. Other names are not requested: the next result asks again."""
LIFETIME = 600.0
"""Seconds for which a name, or the lack of one, is cached."""
FAILURE_LIFETIME = 5.0
"""Seconds before a failed request is repeated."""
LARGEST_ANSWER = 64 * 1024

_FAILURES = (
    TimeoutError,
    httpx.HTTPError,
    httpx.InvalidURL,
    msgspec.MsgspecError,
    UnicodeDecodeError,  # msgspec's for bytes that are no UTF-8
    RecursionError,  # and for what is nested without end
)


class WinnerNames:
    """Names by user id, cached, for one event loop. Call `close` in the end.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._names: OrderedDict[int, tuple[str, float]] = OrderedDict()
        self._asking: dict[int, asyncio.Task[None]] = {}
        self._client: httpx.AsyncClient | None = None

    async def of(self, user_ids: Iterable[int]) -> dict[int, str]:
        """Find the names of users, within BATCH_TIMEOUT. It raises nothing.

        Args:
            user_ids: The users.

        Returns:
            The names by user id; empty where a user has none, or it is not known yet.
        """
        wanted = {user_id for user_id in user_ids if user_id != NOBODY}
        waiting = [task for user_id in wanted if (task := self._ask(user_id)) is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=BATCH_TIMEOUT)
        return {user_id: self._names.get(user_id, ("", 0.0))[0] for user_id in wanted}  # an old one is better than none

    async def close(self) -> None:
        """Cancel the requests and close the connections."""
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
        """The request for a user's name; None: the name is cached, or MAX_REQUESTS are open."""
        if not AuctionSettings.current().ACCOUNT_SERVICE or self._known(user_id) is not None:
            return None
        if user_id not in self._asking and len(self._asking) < MAX_REQUESTS:
            task = asyncio.get_running_loop().create_task(self._find(user_id))
            self._asking[user_id] = task
            task.add_done_callback(lambda _: self._asking.pop(user_id, None))
        return self._asking.get(user_id)

    async def _find(self, user_id: int) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                name, lifetime = await self._fetch(user_id), LIFETIME
        except _FAILURES as error:
            logger.warning("the name of user %s is not known for now: %r", user_id, error)
            before, _ = self._names.get(user_id, ("", 0.0))
            name, lifetime = before, FAILURE_LIFETIME  # an old name is better than none
        self._names[user_id] = (name, self._clock() + lifetime)
        self._names.move_to_end(user_id)
        while len(self._names) > MAX_NAMES:
            self._names.popitem(last=False)

    async def _fetch(self, user_id: int) -> str:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=REQUEST_TIMEOUT)
        url = f"{AuctionSettings.current().ACCOUNT_SERVICE}/{quote(str(user_id), safe='')}"
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

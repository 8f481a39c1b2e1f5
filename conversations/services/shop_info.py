"""What a room shows of its shop: asked of SHOP_SERVICE, an HTTP service that may be slow, down or not configured.

`GET SHOP_SERVICE/{shop_id}` answers the shop as a JSON object, kept in the room as it comes (an envelope with the
single object `data` or `shop` is taken off) if its owner is the room's seller: else anybody could open rooms under
the name of somebody else's shop. The names under which the answer may say who that is are SHOP_OWNER_FIELDS, looked
for in this order; a name holds the owner's id, or an object with an `id` or `_id`.

No service configured, or none that answers and says whose shop it is: the room is made with `{}` and filled when it
can be, by a task here that tries again for about an hour, and whenever somebody creates the room again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any
from urllib.parse import quote

import bson
import httpx
import msgspec
from bson.errors import BSONError

from conversations.configuration import ChatSettings
from conversations.errors import Code, RuleViolation
from conversations.models import Room
from conversations.storage.changes import CHANGED
from persistence.availability import StoreUnavailable
from persistence.mongodb import durable, in_store_thread
from persistence.per_event_loop import PerLoop

logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds for one attempt, all of it."""
ATTEMPTS = 2
LARGEST_ANSWER = 64 * 1024
RETRY_PAUSES = (5.0, 30.0, 120.0, 600.0, 3000.0)
"""Seconds between the attempts to fill a room's shop later."""
MOST_FILLING = 1000
"""Rooms that wait to be filled by this process; more are left to the next `create_room`."""


class ShopUnknown(Exception):
    """The service did not answer with a shop, or not whose it is."""


async def shop_for_room(shop_id: str | None, seller: str) -> dict[str, Any] | None:
    """Ask the shop service for the shop of a room that is being created.

    Args:
        shop_id: The shop's id; None or empty: the room has no shop.
        seller: The room's seller, who must own the shop.

    Returns:
        The shop as the room stores it; None: there is no service or no id, or the service gives no usable answer now.

    Raises:
        RuleViolation: `shop_not_of_seller`.
    """
    if not shop_id or not ChatSettings.current().SHOP_SERVICE:
        return None
    try:
        return await _ask(shop_id, seller)
    except ShopUnknown as error:
        logger.warning("shop %s is unknown for now: %s", shop_id, error)
        return None


def fill_later(room_id: str, shop_id: str, seller: str) -> None:
    """Ask for a room's shop again in the background, until it is known or RETRY_PAUSES are over.

    Args:
        room_id: The room.
        shop_id: The shop's id.
        seller: The room's seller, who must own the shop.
    """
    if not ChatSettings.current().SHOP_SERVICE:
        return
    filling = _filling.get()
    if room_id not in filling and len(filling) < MOST_FILLING:
        task = asyncio.get_running_loop().create_task(_fill(room_id, shop_id, seller))
        filling[room_id] = task
        task.add_done_callback(lambda _: filling.pop(room_id, None))


async def stop_filling() -> None:
    """Cancel the running loop's background work and close its connections to the service."""
    tasks = list((_filling.forget() or {}).values())
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    client = _clients.forget()
    if client is not None:
        await client.aclose()


async def _fill(room_id: str, shop_id: str, seller: str) -> None:
    for pause in RETRY_PAUSES:
        await asyncio.sleep(pause)
        try:
            shop = await _ask(shop_id, seller)
            await in_store_thread(_set_shop, room_id, shop)
        except (ShopUnknown, StoreUnavailable):
            continue
        except RuleViolation as error:
            logger.warning("room %s stays without its shop: %s", room_id, error)
            with contextlib.suppress(StoreUnavailable):  # the next `create_room` asks again
                await in_store_thread(_forget_shop, room_id, shop_id)
        return


def _set_shop(room_id: str, shop: dict[str, Any]) -> None:
    durable(Room).update_one({"_id": room_id}, {"$set": {"shop": shop}, **CHANGED})


def _forget_shop(room_id: str, shop_id: str) -> None:
    change = {"$set": {"shop_id": ""}, **CHANGED}
    durable(Room).update_one({"_id": room_id, "shop_id": shop_id, "shop": {}}, change)


async def _ask(shop_id: str, seller: str) -> dict[str, Any]:
    """The seller's shop. ShopUnknown; RuleViolation `shop_not_of_seller`."""
    shop = await _find(shop_id)
    owner = _owner(shop)
    if owner is None:
        names = ", ".join(ChatSettings.current().SHOP_OWNER_FIELDS)
        raise ShopUnknown(f"the answer does not say whose it is: it has none of the fields {names}")
    if owner != seller:
        raise RuleViolation(Code.SHOP_NOT_OF_SELLER, f"shop {shop_id!r} does not belong to seller {seller!r}")
    return shop


async def _find(shop_id: str) -> dict[str, Any]:
    if shop_id in (".", ".."):
        raise ShopUnknown(f"{shop_id!r} is no shop id")
    url = f"{ChatSettings.current().SHOP_SERVICE.rstrip('/')}/{quote(shop_id, safe='')}"
    problem = ""
    for _ in range(ATTEMPTS):
        try:
            async with asyncio.timeout(TIMEOUT):
                return await _answer(url)
        except TimeoutError:
            problem = f"no answer within {TIMEOUT:g} s"
        except httpx.HTTPError as error:
            problem = repr(error)
    raise ShopUnknown(problem)


async def _answer(url: str) -> dict[str, Any]:
    """The shop object. httpx.HTTPError: worth another attempt. ShopUnknown: the answer is clear, but no shop."""
    async with _clients.get().stream("GET", url) as response:
        if response.status_code >= 500:
            raise httpx.HTTPStatusError(f"status {response.status_code}", request=response.request, response=response)
        if response.status_code != 200:
            raise ShopUnknown(f"status {response.status_code}")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise ShopUnknown(f"the answer is larger than {LARGEST_ANSWER} bytes")
    try:
        answer = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ShopUnknown(f"the answer is no JSON object: {error}") from None
    shop = next((inner for envelope in ("data", "shop") if isinstance(inner := answer.get(envelope), dict)), answer)
    try:
        bson.encode(shop)
    except (BSONError, OverflowError) as error:  # a number of more than 64 bits, a NUL in a name
        raise ShopUnknown(f"the answer is nothing that MongoDB could hold: {error}") from None
    return shop


def _owner(shop: dict[str, Any]) -> str | None:
    for name in ChatSettings.current().SHOP_OWNER_FIELDS:
        value = shop.get(name)
        if isinstance(value, dict):
            value = value.get("id", value.get("_id"))
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    return None


_filling: PerLoop[dict[str, asyncio.Task[None]]] = PerLoop(dict)
_clients: PerLoop[httpx.AsyncClient] = PerLoop(lambda: httpx.AsyncClient(timeout=TIMEOUT))

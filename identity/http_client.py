"""One HTTP client for an event loop, for the identity provider's endpoints: small answers, short timeouts."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from persistence.per_event_loop import PerLoop

TIMEOUT = 3.0
"""Seconds for a whole exchange. A connecting user waits for it."""

_clients = PerLoop(lambda: httpx.AsyncClient(timeout=TIMEOUT))


class EndpointUnavailable(Exception):
    """The endpoint gave no usable answer. The message names no credentials and no token."""


def client() -> httpx.AsyncClient:
    """The client of the running loop; made at first use, as that reads the certificates (tens of milliseconds)."""
    return _clients.get()


async def close() -> None:
    """Close the running loop's client and its connections. It may be used again, and then opens anew."""
    found = _clients.forget()
    if found is not None:
        await found.aclose()


async def fetch_object(method: str, url: str, **request: Any) -> dict[str, Any]:
    """Request a JSON object.

    Args:
        method: "GET" or "POST".
        url: The endpoint. Credentials in it are sent as Basic authentication.
        request: More of `httpx.AsyncClient.request`.

    Raises:
        EndpointUnavailable: The answer is not a JSON object with status 200, or none came within TIMEOUT seconds.
    """
    try:
        target = httpx.URL(url)
        if target.userinfo:  # taken out of the URL, which httpx writes to its log
            request["auth"] = (target.username, target.password)
            target = target.copy_with(userinfo=b"")
        async with asyncio.timeout(TIMEOUT):
            response = await client().request(method, target, headers={"Accept": "application/json"}, **request)
    except TimeoutError:
        raise EndpointUnavailable(f"no answer within {TIMEOUT:g} s") from None
    except httpx.InvalidURL:
        raise EndpointUnavailable("the URL cannot be read") from None
    except (httpx.HTTPError, OSError) as error:
        raise EndpointUnavailable(f"{type(error).__name__}: {error}") from None
    if response.status_code != 200:
        raise EndpointUnavailable(f"answered {response.status_code}, not 200")
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        raise EndpointUnavailable("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise EndpointUnavailable(f"the answer is a JSON {type(answer).__name__}, not an object")
    return answer

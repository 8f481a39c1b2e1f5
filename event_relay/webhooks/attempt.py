"""One attempt to deliver, over HTTP, and what came of it.

The address is the operator's, so it may be a private one. What an endpoint answers leads nowhere else: redirects are
not followed, and nothing of an answer is kept or logged but its status: no cookie, either. Certificates are verified.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, NamedTuple

import httpx

from event_relay.cloudevents import MEDIA_TYPE
from event_relay.webhooks.signing import signed_headers

MOST_OF_ANSWER: Final = 65_536
"""Bytes of an answer's body that are read, so that the connection can be used again; of more it is closed."""
GONE: Final = 410


class Delivery(NamedTuple):
    """An event on its way to an endpoint.

    Attributes:
        event_id: Its id.
        kind: Its type.
        subject: The id of what it is about, for the log.
        key: Deliveries of one key are made in order.
        body: What is sent.
    """

    event_id: str
    kind: str
    subject: str
    key: str
    body: bytes


class Outcome(NamedTuple):
    """What came of an attempt.

    Attributes:
        label: For metrics: the status, "timeout" or "unreachable".
        reason: What went wrong; empty: it was taken.
        gone: Whether the endpoint says that it is no more.
        retry_after: Seconds for which it asks not to be tried; 0: it does not ask.
    """

    label: str
    reason: str = ""
    gone: bool = False
    retry_after: float = 0.0


def client(concurrency: int, patience: float) -> httpx.AsyncClient:
    """Make the client of one endpoint. It keeps to the proxy and the certificates that the environment names.

    Args:
        concurrency: Connections at a time.
        patience: Seconds for each step of an exchange; `attempt` bounds the whole.
    """
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    headers = {"User-Agent": "chozoi-chat", "Content-Type": MEDIA_TYPE}
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(
        follow_redirects=False, timeout=patience, limits=limits, headers=headers, cookies=no_cookies
    )


async def attempt(http: httpx.AsyncClient, url: str, keys: Sequence[bytes], what: Delivery, patience: float) -> Outcome:
    """Make one attempt.

    Args:
        http: The endpoint's client.
        url: Its address.
        keys: Its secrets.
        what: The event.
        patience: Seconds that it may take.
    """
    status, retry_after = 0, 0.0
    try:
        async with asyncio.timeout(patience):
            headers = signed_headers(keys, what.event_id, int(time.time()), what.body)
            async with http.stream("POST", url, content=what.body, headers=headers) as answer:
                status, retry_after = answer.status_code, _seconds(answer.headers.get("Retry-After", ""))
                read = 0
                async for part in answer.aiter_raw():
                    read += len(part)
                    if read > MOST_OF_ANSWER:
                        break
    except (TimeoutError, httpx.TimeoutException):
        if not status:  # else it has answered, and only its body is late
            return Outcome("timeout", f"no answer within {patience:g} s")
    except Exception as error:  # an answer may be anything; whatever it is, the event was not taken
        if not status:
            return Outcome("unreachable", _what_broke(error))
    if 200 <= status < 300:
        return Outcome(str(status))
    if 300 <= status < 400:
        return Outcome(str(status), f"answered {status}; redirects are not followed, so its final address is needed")
    return Outcome(str(status), f"answered {status}", status == GONE, retry_after)


def _what_broke(error: Exception) -> str:
    """What an error says of the connection; of an answer that is no HTTP its name alone, as its text has the answer."""
    if isinstance(error, httpx.NetworkError | httpx.ProxyError | OSError):
        return f"{type(error).__name__}: {error}"
    return f"{type(error).__name__}: the connection ended, or what came is no answer in HTTP"


def _seconds(retry_after: str) -> float:
    """The seconds of a `Retry-After` (RFC 9110, section 10.2.3); 0 for what is none."""
    with suppress(ValueError, OverflowError):
        return float(max(0, int(retry_after)))
    with suppress(ValueError, OverflowError, TypeError):
        at = parsedate_to_datetime(retry_after)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    return 0.0

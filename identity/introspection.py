"""Token introspection (RFC 7662): the authorization server says whose an opaque token is.

Answers are cached by the token's hash, so that a user who comes back at once (or with five devices) costs one request.
A revoked token is therefore noticed within `max_age` seconds. An app that tries an invalid token again and again costs
one request in BAD_AGE seconds.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from identity.claims import Claims
from identity.http_client import EndpointUnavailable, fetch_object
from identity.refusal import IdentityRefused
from identity.token_cache import MOST_TOKENS, TokenCache, digest_of

logger = logging.getLogger(__name__)


_HINT = "access_token"
"""The `token_type_hint` of RFC 7662, section 2.1."""
BAD_AGE = 10.0
"""Seconds for which a token stays bad. It seldom becomes a good one."""


class Introspection:
    """One introspection endpoint, for one event loop.

    Args:
        url: The endpoint. It may carry the credentials that RFC 7662 section 2.1 asks for, as in
            `https://client:secret@host/introspect`.
        max_age: Seconds for which a good answer is cached, if its `exp` does not come first.
        max_entries: How many answers are cached; the least recently used one is dropped first.
    """

    def __init__(self, url: str, *, max_age: float = 60.0, max_entries: int = MOST_TOKENS) -> None:
        self._url = url
        self._max_age = max_age
        self._known: TokenCache[Claims | IdentityRefused] = TokenCache(max_entries)
        self._asking: dict[bytes, asyncio.Task[Claims]] = {}
        self._failed = False

    async def verify(self, token: str) -> Claims:
        """Return the claims of an active token.

        Raises:
            IdentityRefused: `token_invalid`, `token_expired`; `identity_unavailable` where the endpoint does not
                answer.
        """
        digest = digest_of(token)
        claims = self._known.get(digest)
        if isinstance(claims, IdentityRefused):
            raise IdentityRefused(claims.code, claims.message)
        if claims is None:
            asking = self._asking.get(digest)
            if asking is None:
                asking = self._asking[digest] = asyncio.get_running_loop().create_task(self._ask(digest, token))
                asking.add_done_callback(lambda task: self._answered(digest, task))
            claims = await asyncio.shield(asking)
        claims.require_current()
        return claims

    def _answered(self, digest: bytes, task: asyncio.Task[Claims]) -> None:
        del self._asking[digest]
        if not task.cancelled():
            task.exception()  # every waiter may be gone: nobody else need look at it

    async def _ask(self, digest: bytes, token: str) -> Claims:
        form = {"token": token, "token_type_hint": _HINT}
        try:
            answer = await fetch_object("POST", self._url, data=form)
            active = answer.get("active")
            if not isinstance(active, bool):
                raise EndpointUnavailable("the answer does not say whether the token is active")
        except EndpointUnavailable as error:
            if not self._failed:
                logger.warning("AUTH_INTROSPECTION_URL cannot be used: %s; opaque tokens are refused meanwhile", error)
            self._failed = True
            raise IdentityRefused(
                "identity_unavailable", "the service that checks tokens does not answer now; try again later"
            ) from None
        if self._failed:
            logger.info("AUTH_INTROSPECTION_URL answers again")
        self._failed = False
        try:
            claims = _claims_of(answer)
        except IdentityRefused as refusal:
            self._known.put(digest, refusal, BAD_AGE)
            raise
        self._known.put(digest, claims, self._max_age)
        return claims


def _claims_of(answer: dict[str, Any]) -> Claims:
    if not answer["active"]:
        raise IdentityRefused("token_invalid", "the token is unknown, expired or revoked; connect with a fresh one")
    claims = Claims.read(answer)
    claims.require_current()
    return claims

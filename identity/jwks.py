"""The identity provider's published keys (RFC 7517), fetched and kept up to date.

Connecting users wait for a fetch only while there are no keys at all or a token names an unknown one; otherwise keys
are renewed in the background. While the endpoint is down, the keys fetched so far stay in use.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from identity.http_client import EndpointUnavailable, fetch_object
from identity.keys import VerificationKey
from identity.refusal import IdentityRefused

logger = logging.getLogger(__name__)

_PUBLIC_KINDS = ("RSA", "EC", "OKP")  # "oct" is a shared secret: one that is published is none


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A usable key of the set.

    Attributes:
        kid: The id that tokens name it by; None: it has none.
        key: The key.
    """

    kid: str | None
    key: VerificationKey


class KeySet:
    """The keys of one JWKS endpoint, for one event loop.

    Args:
        url: The endpoint.
        max_age: Seconds after which keys are renewed in the background.
        min_interval: The least seconds between two fetches, so that tokens with invented key ids cost the provider
            nothing.
        retry_interval: The same while there are no keys at all, when every user waits.
    """

    def __init__(
        self, url: str, *, max_age: float = 600.0, min_interval: float = 10.0, retry_interval: float = 1.0
    ) -> None:
        self._url = url
        self._max_age = max_age
        self._min_interval = min_interval
        self._retry_interval = retry_interval
        self._keys: list[PublishedKey] = []
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetches = 0
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    @property
    def fetches(self) -> int:
        """How often the keys were fetched: what a key of before has proved, one of now may not prove any more."""
        return self._fetches

    def keep(self) -> None:
        """Renew keys that are too old, in the background."""
        if self._keys and time.monotonic() - self._fetched_at > self._max_age and self._may_fetch():
            self._start_fetch()

    async def candidates(self, kid: str | None, algorithm: str) -> list[VerificationKey]:
        """Find the keys that may have signed a token.

        Args:
            kid: The key id in the token's header; None: it has none.
            algorithm: The algorithm in the token's header.

        Returns:
            The keys; empty where the provider publishes none such.

        Raises:
            IdentityRefused: `identity_unavailable`: the endpoint does not answer.
        """
        if self._keys:
            found = self._matching(kid, algorithm)
            if found:
                self.keep()
                return found
        await self.refresh()
        found = self._matching(kid, algorithm)
        if not found and self._failed:
            raise IdentityRefused(
                "identity_unavailable", "the keys that tokens are checked with cannot be fetched now; try again later"
            )
        return found

    async def refresh(self) -> bool:
        """Fetch the keys, unless that was done a moment ago. Concurrent callers share one fetch.

        Returns:
            Whether a fetch succeeded, so that it is worth looking at the keys again.
        """
        fetching = self._fetching
        if fetching is None:
            if not self._may_fetch():
                return False
            fetching = self._start_fetch()
        await asyncio.shield(fetching)
        return not self._failed

    def _may_fetch(self) -> bool:
        interval = self._min_interval if self._keys else self._retry_interval
        return self._fetching is None and time.monotonic() - self._tried_at >= interval

    def _matching(self, kid: str | None, algorithm: str) -> list[VerificationKey]:
        return [
            published.key
            for published in self._keys
            if algorithm in published.key.algorithms and (kid is None or published.kid in (None, kid))
        ]

    def _start_fetch(self) -> asyncio.Task[None]:
        self._fetching = asyncio.get_running_loop().create_task(self._fetch(), name="jwks fetch")
        return self._fetching

    async def _fetch(self) -> None:
        try:
            self._keys = _usable_keys(await fetch_object("GET", self._url))
            self._fetched_at = time.monotonic()
            self._fetches += 1
            if self._failed:
                logger.info("AUTH_JWKS_URL answers again: %d keys", len(self._keys))
            self._failed = False
        except EndpointUnavailable as error:
            if not self._failed:
                logger.warning("AUTH_JWKS_URL cannot be used: %s; %d keys known so far stay", error, len(self._keys))
            self._failed = True
        finally:
            self._tried_at = time.monotonic()
            self._fetching = None


def _usable_keys(answer: Mapping[str, Any]) -> list[PublishedKey]:
    """Raises EndpointUnavailable when there is not one key to check a JWT with: known keys are better than none."""
    published = answer.get("keys")
    usable = [key for jwk in published if (key := _usable(jwk))] if isinstance(published, list) else []
    if not usable:
        raise EndpointUnavailable("the answer holds no key that JWTs can be checked with")
    return usable


def _usable(jwk: Any) -> PublishedKey | None:
    if not isinstance(jwk, dict) or jwk.get("kty") not in _PUBLIC_KINDS or jwk.get("use", "sig") != "sig":
        return None
    try:
        material = jwt.PyJWK(jwk).key
        if hasattr(material, "public_key"):  # a private key, published by mistake
            material = material.public_key()
        key = VerificationKey.public(material)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    stated = jwk.get("alg")
    if stated is not None:
        if stated not in key.algorithms:
            return None
        key = VerificationKey(key.material, (stated,))
    kid = jwk.get("kid")
    return PublishedKey(kid if isinstance(kid, str) else None, key)

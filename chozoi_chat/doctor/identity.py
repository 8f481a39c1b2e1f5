"""The identity provider: whether what tokens are checked by can be had, and whose tokens are taken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from asgiref.sync import async_to_sync

from chozoi_chat.doctor.finding import Finding, error, ok, warning
from identity import http_client
from identity.configuration import IdentitySettings
from identity.http_client import EndpointUnavailable, fetch_object
from identity.jwks import KeySet
from persistence.addresses import without_password

Answer = TypeVar("Answer")


def look() -> Iterator[Finding]:
    """Look at what the settings name, as the servers ask it."""
    identity = IdentitySettings.current()
    if identity.IDENTITY:
        yield ok(f"who speaks is found by {identity.IDENTITY}")
        return
    if not (identity.AUTH_JWT_KEY or identity.AUTH_JWKS_URL or identity.AUTH_INTROSPECTION_URL):
        yield warning(
            "no identity provider is set: the tokens of manage.py issue_token are taken, and no others",
            "Set AUTH_JWKS_URL, AUTH_JWT_KEY or AUTH_INTROSPECTION_URL.",
        )
    if identity.AUTH_JWT_KEY:
        yield ok("tokens are checked with AUTH_JWT_KEY")
    if identity.AUTH_JWKS_URL:
        yield from _keys(identity)
    if identity.AUTH_INTROSPECTION_URL:
        yield from _introspection(identity.AUTH_INTROSPECTION_URL)


def _keys(identity: IdentitySettings) -> Iterator[Finding]:
    url = without_password(identity.AUTH_JWKS_URL)
    if _ask(KeySet(identity.AUTH_JWKS_URL).refresh):
        yield ok(f"{url} has keys that tokens can be checked with")
    else:
        yield error(f"{url} gives no key that tokens can be checked with", "The log says why: nobody can connect.")
    if not (identity.AUTH_JWT_AUDIENCE and identity.AUTH_JWT_ISSUER):
        yield warning(
            "AUTH_JWT_ISSUER and AUTH_JWT_AUDIENCE are not both set: a token that was made for another service of this "
            "provider is taken, too",
            "Set both to what the provider writes into tokens for the chat.",
        )


def _introspection(url: str) -> Iterator[Finding]:
    async def ask() -> dict[str, Any]:
        return await fetch_object("POST", url, data={"token": "none"})  # what no token is  # nosec B105

    shown = without_password(url)
    try:
        answer = _ask(ask)
    except EndpointUnavailable as away:
        yield error(f"{shown} cannot be used: {away}", "Nobody can connect. Are the credentials in the URL right?")
        return
    if answer.get("active") is False:
        yield ok(f"{shown} knows a token that is none")
    else:
        yield error(f"{shown} answers without active=false for a token that is none", "Is it an endpoint of RFC 7662?")


def _ask(question: Callable[[], Awaitable[Answer]]) -> Answer:
    async def asked() -> Answer:
        try:
            return await question()
        finally:
            await http_client.close()

    return async_to_sync(asked)()

"""AUTH_JWKS_URL: the provider's published keys, through rotation, outages and nonsense."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from identity import IdentityRefused, authenticate, verify_token
from identity.jwks import KeySet
from identity.jwt_tokens import JWTVerifier
from tests.eventually import eventually
from tests.identity.conftest import Clock, Service
from tests.identity.signing import EC_KEY, ED25519_KEY, RSA_KEY, SECRET, jwk, token

Configure = Callable[..., None]
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


async def code_of(given: str, verifier: JWTVerifier | None = None) -> str:
    with pytest.raises(IdentityRefused) as refused:
        await (verifier.verify(given) if verifier else verify_token(given))
    assert given not in str(refused.value)
    return refused.value.code


async def test_a_token_is_checked_with_the_key_it_names(configure: Configure, service: Service) -> None:
    service.answer = {"keys": [jwk(RSA_KEY, kid="r"), jwk(EC_KEY, kid="e"), jwk(ED25519_KEY, kid="d")]}
    configure(AUTH_JWKS_URL=service.url)
    for key, kid, algorithm in (
        (RSA_KEY, "r", "RS256"),
        (RSA_KEY, "r", "PS512"),
        (EC_KEY, "e", "ES256"),
        (ED25519_KEY, "d", "EdDSA"),
    ):
        assert (await authenticate(token(key, algorithm, kid=kid), "7", "BUYER")).user_id == "7"
    assert await code_of(token(OTHER_KEY, "ES256", kid="e")) == "token_invalid"
    assert len(service.requests) == 1, "the keys are fetched once, not for each token"


async def test_without_a_key_id_every_key_of_the_algorithm_is_tried(configure: Configure, service: Service) -> None:
    service.answer = {"keys": [jwk(OTHER_KEY), jwk(EC_KEY)]}
    configure(AUTH_JWKS_URL=service.url)
    assert await verify_token(token(EC_KEY, "ES256"))


async def test_a_key_serves_only_its_stated_purpose(configure: Configure, service: Service) -> None:
    shared = {"kty": "oct", "k": "c2VjcmV0", "kid": "o", "alg": "HS256"}
    service.answer = {
        "keys": [
            jwk(RSA_KEY, kid="r", alg="RS512"),
            jwk(EC_KEY, kid="e", use="enc"),
            shared,
            "nonsense",
            {"kty": "X"},
            {"kty": ["RSA"]},
        ]
    }
    configure(AUTH_JWKS_URL=service.url)
    assert await verify_token(token(RSA_KEY, "RS512", kid="r"))
    assert await code_of(token(RSA_KEY, "RS256", kid="r")) == "token_invalid"
    assert await code_of(token(EC_KEY, "ES256", kid="e")) == "token_invalid"
    assert await code_of(token(b"secret" * 6, "HS256", kid="o")) == "token_invalid"


async def test_rotated_keys_are_fetched_when_a_token_names_a_new_one(service: Service, clock: Clock) -> None:
    service.answer = {"keys": [jwk(EC_KEY, kid="old")]}
    verifier = JWTVerifier(None, KeySet(service.url, min_interval=10))
    assert await verifier.verify(token(EC_KEY, "ES256", kid="old"))
    service.answer = {"keys": [jwk(OTHER_KEY, kid="new")]}
    clock.pass_by(10)
    assert await verifier.verify(token(OTHER_KEY, "ES256", kid="new"))
    clock.pass_by(10)
    assert await code_of(token(EC_KEY, "ES256", kid="old"), verifier) == "token_invalid", "a withdrawn key is withdrawn"


async def test_a_token_that_was_accepted_is_refused_when_its_key_is_withdrawn(service: Service, clock: Clock) -> None:
    """It is not checked again while the keys are the same; a token that comes has keys renewed that are too old."""
    service.answer = {"keys": [jwk(EC_KEY, kid="old")]}
    keys = KeySet(service.url, max_age=600)
    verifier = JWTVerifier(None, keys)
    given = token(EC_KEY, "ES256", kid="old")
    first = await verifier.verify(given)
    assert await verifier.verify(given) is first
    service.answer = {"keys": [jwk(OTHER_KEY, kid="new")]}
    clock.pass_by(600.1)
    assert await verifier.verify(given) is first, "nobody waits for the new keys"
    await eventually(lambda: keys.fetches == 2)
    assert await code_of(given, verifier) == "token_invalid"


async def test_keys_without_ids_are_fetched_anew_when_none_fits(service: Service, clock: Clock) -> None:
    service.answer = {"keys": [jwk(EC_KEY)]}
    verifier = JWTVerifier(None, KeySet(service.url, min_interval=10))
    assert await verifier.verify(token(EC_KEY, "ES256"))
    service.answer = {"keys": [jwk(OTHER_KEY)]}
    clock.pass_by(10)
    assert await verifier.verify(token(OTHER_KEY, "ES256"))


async def test_made_up_key_ids_do_not_flood_the_provider(configure: Configure, service: Service) -> None:
    service.answer = {"keys": [jwk(EC_KEY, kid="e")]}
    configure(AUTH_JWKS_URL=service.url)
    for number in range(50):
        assert await code_of(token(OTHER_KEY, "ES256", kid=f"made up {number}")) == "token_invalid"
    assert len(service.requests) == 1


async def test_users_who_connect_at_once_share_one_fetch(configure: Configure, service: Service) -> None:
    service.answer, service.delay = {"keys": [jwk(EC_KEY, kid="e")]}, 0.2
    configure(AUTH_JWKS_URL=service.url)
    await asyncio.gather(*(verify_token(token(EC_KEY, "ES256", kid="e")) for _ in range(50)))
    assert len(service.requests) == 1


async def test_aged_keys_are_renewed_without_keeping_anyone_waiting(service: Service, clock: Clock) -> None:
    service.answer = {"keys": [jwk(EC_KEY, kid="e")]}
    verifier = JWTVerifier(None, KeySet(service.url, max_age=600))
    await verifier.verify(token(EC_KEY, "ES256", kid="e"))
    service.delay = 0.5
    clock.pass_by(600.1)
    async with asyncio.timeout(0.3):
        await verifier.verify(token(EC_KEY, "ES256", kid="e"))
    await eventually(lambda: len(service.requests) == 2)


async def test_known_keys_stay_in_use_while_the_endpoint_is_down(
    service: Service, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer = {"keys": [jwk(EC_KEY, kid="e")]}
    keys = KeySet(service.url, max_age=600)
    verifier = JWTVerifier(None, keys)
    await verifier.verify(token(EC_KEY, "ES256", kid="e"))
    service.stop()
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            clock.pass_by(600.1)
            assert await verifier.verify(token(EC_KEY, "ES256", kid="e"))
            assert not await keys.refresh(), "the endpoint was asked again, in vain"
    assert len(caplog.records) == 1, "an outage is told once"
    assert await code_of(token(OTHER_KEY, "ES256", kid="new"), verifier) == "identity_unavailable", (
        "a key that nobody can be asked about is not the caller's fault"
    )


@pytest.mark.parametrize("min_interval", [10.0])
async def test_a_server_started_before_its_provider_recovers_within_a_moment(
    service: Service, clock: Clock, min_interval: float
) -> None:
    service.stop()
    verifier = JWTVerifier(None, KeySet(service.url, min_interval=min_interval, retry_interval=1))
    assert await code_of(token(EC_KEY, "ES256", kid="e"), verifier) == "identity_unavailable"
    service.answer = {"keys": [jwk(EC_KEY, kid="e")]}
    service.start()
    clock.pass_by(1)
    assert await verifier.verify(token(EC_KEY, "ES256", kid="e"))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (302, b""),
        (404, b"not found"),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"keys": 5}'),
        (200, b'{"keys": []}'),
        (200, b'{"keys": [{"kty": "RSA"}]}'),
        (200, b"\xff\xfe"),
    ],
)
async def test_an_answer_that_is_no_key_set_counts_as_down(
    configure: Configure, service: Service, status: int, body: bytes
) -> None:
    service.status, service.body = status, body
    configure(AUTH_JWKS_URL=service.url)
    assert await code_of(token(EC_KEY, "ES256", kid="e")) == "identity_unavailable"


async def test_a_slow_endpoint_is_given_up(
    configure: Configure, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("identity.http_client.TIMEOUT", 0.2)
    service.answer, service.delay = {"keys": [jwk(EC_KEY, kid="e")]}, 2.0
    configure(AUTH_JWKS_URL=service.url)
    async with asyncio.timeout(1.5):
        assert await code_of(token(EC_KEY, "ES256", kid="e")) == "identity_unavailable"


async def test_a_key_and_a_key_set_may_serve_side_by_side(configure: Configure, service: Service) -> None:
    service.answer = {"keys": [jwk(EC_KEY, kid="e")]}
    configure(AUTH_JWT_KEY=SECRET, AUTH_JWKS_URL=service.url)
    assert await verify_token(token())
    assert not service.requests, "the configured key is tried first"
    assert await verify_token(token(EC_KEY, "ES256", kid="e"))


@pytest.mark.parametrize("published", [{"kty": "oct", "k": "c2VjcmV0"}, jwk(EC_KEY, alg="RS256")])
async def test_nothing_published_makes_a_private_key_of_use_to_anyone(
    service: Service, published: dict[str, Any]
) -> None:
    service.answer = {"keys": [published]}
    keys = KeySet(service.url)
    for algorithm in ("HS256", "ES256", "RS256"):
        with pytest.raises(IdentityRefused) as refused:
            await keys.candidates(None, algorithm)
        assert refused.value.code == "identity_unavailable", "there is no key to check with"


async def test_credentials_in_the_url_are_sent_but_not_logged(
    configure: Configure, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer = {"keys": [jwk(EC_KEY, kid="e")]}
    configure(AUTH_JWKS_URL=service.url.replace("http://", "http://me:hidden@"))
    with caplog.at_level(logging.DEBUG):
        given: Any = await verify_token(token(EC_KEY, "ES256", kid="e"))
    assert given.user_id == "7"
    assert service.requests[0]["authorization"].startswith("Basic ")
    assert "hidden" not in caplog.text

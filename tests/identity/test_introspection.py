"""AUTH_INTROSPECTION_URL: opaque tokens, which only the authorization server understands (RFC 7662)."""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from identity import IdentityRefused, authenticate, verify_token
from identity.introspection import BAD_AGE, Introspection
from tests.eventually import eventually
from tests.identity.conftest import Clock, Service
from tests.identity.signing import SECRET, token

Configure = Callable[..., None]
OPAQUE = "2YotnFZFEjr1zCsicMWpAA"


def active(**claims: Any) -> dict[str, Any]:
    whole = {"active": True, "sub": "7", "exp": time.time() + 60, **claims}
    return {name: value for name, value in whole.items() if value is not None}


async def code_of(given: str, introspection: Introspection | None = None) -> str:
    with pytest.raises(IdentityRefused) as refused:
        await (introspection.verify(given) if introspection else verify_token(given))
    assert given not in str(refused.value)
    return refused.value.code


async def test_an_active_token_gives_the_identity_that_the_answer_names(configure: Configure, service: Service) -> None:
    service.answer = active(role="SELLER")
    configure(AUTH_INTROSPECTION_URL=service.url)
    identity = await authenticate(OPAQUE, "7", "SELLER")
    assert (identity.user_id, identity.expires_at) == ("7", service.answer["exp"])
    assert service.requests == [
        {
            "method": "POST",
            "form": {"token": [OPAQUE], "token_type_hint": ["access_token"]},
            "authorization": None,
        }
    ]
    with pytest.raises(IdentityRefused, match="role_not_allowed"):
        await authenticate(OPAQUE, "7", "BUYER")
    with pytest.raises(IdentityRefused, match="user_mismatch"):
        await authenticate(OPAQUE, "8", "SELLER")


async def test_credentials_in_the_url_authenticate_this_server(configure: Configure, service: Service) -> None:
    service.answer = active()
    configure(AUTH_INTROSPECTION_URL=service.url.replace("http://", "http://chat:s%2Fecret@"))
    await verify_token(OPAQUE)
    assert service.requests[0]["authorization"] == "Basic " + b64encode(b"chat:s/ecret").decode()


async def test_an_inactive_token_is_invalid(configure: Configure, service: Service) -> None:
    service.answer = {"active": False}
    configure(AUTH_INTROSPECTION_URL=service.url)
    assert await code_of(OPAQUE) == "token_invalid"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": None}, "token_invalid"),
        ({"sub": None}, "token_invalid"),
        ({"exp": time.time() - 1}, "token_expired"),
    ],
)
async def test_an_active_token_without_a_user_or_an_end_is_refused(
    configure: Configure, service: Service, claims: dict[str, Any], code: str
) -> None:
    service.answer = active(**claims)
    configure(AUTH_INTROSPECTION_URL=service.url)
    assert await code_of(OPAQUE) == code


async def test_good_answers_are_kept_for_a_while_then_asked_for_again(service: Service, clock: Clock) -> None:
    service.answer = active()
    introspection = Introspection(service.url, max_age=20)
    for _ in range(10):
        await introspection.verify(OPAQUE)
    assert len(service.requests) == 1
    clock.pass_by(20)
    service.answer = {"active": False}
    assert await code_of(OPAQUE, introspection) == "token_invalid", "a revoked token is noticed"


async def test_a_bad_token_is_asked_about_once_in_a_while(service: Service, clock: Clock) -> None:
    service.answer = {"active": False}
    introspection = Introspection(service.url)
    assert [await code_of(OPAQUE, introspection) for _ in range(10)] == ["token_invalid"] * 10
    assert len(service.requests) == 1
    service.answer = active()
    clock.pass_by(BAD_AGE)
    assert (await introspection.verify(OPAQUE)).user_id == "7"


async def test_a_kept_answer_ends_with_the_token(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    expires_at = time.time() + 30
    service.answer = active(exp=expires_at)
    introspection = Introspection(service.url)
    await introspection.verify(OPAQUE)
    monkeypatch.setattr(time, "time", lambda: expires_at)
    assert await code_of(OPAQUE, introspection) == "token_expired"


async def test_the_number_of_kept_answers_is_bounded_the_least_used_going_first(service: Service) -> None:
    service.answer = active()
    introspection = Introspection(service.url, max_entries=3)
    for given in ("a", "b", "c", "a", "d", "a", "c", "d"):
        await introspection.verify(given)
    assert len(service.requests) == 4
    await introspection.verify("b")
    assert len(service.requests) == 5


async def test_tokens_are_kept_as_hashes_only(service: Service) -> None:
    service.answer = active()
    introspection = Introspection(service.url)
    await introspection.verify(OPAQUE)
    assert OPAQUE not in repr(vars(introspection))


async def test_devices_that_connect_at_once_share_one_question(configure: Configure, service: Service) -> None:
    service.answer, service.delay = active(), 0.2
    configure(AUTH_INTROSPECTION_URL=service.url)
    await asyncio.gather(*(verify_token(OPAQUE) for _ in range(20)))
    assert len(service.requests) == 1


async def test_one_who_gives_up_waiting_does_not_spoil_it_for_the_others(
    configure: Configure, service: Service
) -> None:
    service.answer, service.delay = active(), 0.3
    configure(AUTH_INTROSPECTION_URL=service.url)
    impatient = asyncio.create_task(verify_token(OPAQUE))
    patient = asyncio.create_task(verify_token(OPAQUE))
    await eventually(lambda: service.requests)
    impatient.cancel()
    assert (await patient).user_id == "7"


async def test_an_endpoint_that_is_down_is_not_the_callers_fault_and_told_once(
    configure: Configure, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer = active()
    service.stop()
    configure(AUTH_INTROSPECTION_URL=service.url)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert await code_of(OPAQUE) == "identity_unavailable"
    assert len(caplog.records) == 1
    assert OPAQUE not in caplog.text
    service.start()
    assert await verify_token(OPAQUE)


async def test_a_slow_endpoint_is_given_up(
    configure: Configure, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("identity.http_client.TIMEOUT", 0.2)
    service.answer, service.delay = active(), 2.0
    configure(AUTH_INTROSPECTION_URL=service.url)
    async with asyncio.timeout(1.5):
        assert await code_of(OPAQUE) == "identity_unavailable"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (401, b'{"error": "invalid_client"}'),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"active": "true", "sub": "7", "exp": 9999999999}'),
        (200, b'{"active": 1, "sub": "7", "exp": 9999999999}'),
    ],
)
async def test_an_answer_that_says_nothing_counts_as_down(
    configure: Configure, service: Service, status: int, body: bytes
) -> None:
    service.status, service.body = status, body
    configure(AUTH_INTROSPECTION_URL=service.url)
    assert await code_of(OPAQUE) == "identity_unavailable"


async def test_jwts_go_to_the_key_and_the_rest_to_introspection(configure: Configure, service: Service) -> None:
    service.answer = active(sub="opaque user")
    configure(AUTH_JWT_KEY=SECRET, AUTH_INTROSPECTION_URL=service.url)
    assert (await verify_token(token())).user_id == "7"
    assert await code_of(token("another secret of more than thirty-two bytes")) == "token_invalid"
    assert not service.requests, "a JWT that fails is not tried elsewhere"
    assert (await verify_token(OPAQUE)).user_id == "opaque user"
    assert (await verify_token("dotted.opaque.token")).user_id == "opaque user"


async def test_without_a_key_every_token_is_introspected(configure: Configure, service: Service) -> None:
    service.answer = active(sub="opaque user")
    configure(AUTH_INTROSPECTION_URL=service.url)
    assert (await verify_token(token())).user_id == "opaque user"


async def test_an_opaque_token_without_introspection_is_invalid(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    assert await code_of(OPAQUE) == "token_invalid"

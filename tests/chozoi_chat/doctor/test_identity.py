"""What is found at the identity provider."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chozoi_chat.doctor import identity
from chozoi_chat.doctor.finding import Finding, Level
from tests.chat_settings import overridden
from tests.identity.conftest import Service
from tests.identity.signing import RSA_KEY, SECRET, jwk


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.stop()


def found(**settings: str) -> list[tuple[Level, str]]:
    with overridden(**settings):
        findings: list[Finding] = list(identity.look())
    return [(finding.level, finding.what) for finding in findings]


def test_no_provider_is_for_development() -> None:
    ((level, what),) = found()
    assert (level, "no identity provider" in what) == (Level.WARNING, True)


def test_a_key_of_the_settings_needs_nobody() -> None:
    assert found(AUTH_JWT_KEY=SECRET) == [(Level.OK, "tokens are checked with AUTH_JWT_KEY")]


def test_published_keys_are_fetched_as_the_servers_do(service: Service) -> None:
    named = {"AUTH_JWKS_URL": service.url, "AUTH_JWT_ISSUER": "https://login.example", "AUTH_JWT_AUDIENCE": "chat"}
    service.answer = {"keys": [jwk(RSA_KEY, kid="r")]}
    assert [level for level, _ in found(**named)] == [Level.OK]
    service.answer = {"keys": []}
    assert [level for level, _ in found(**named)] == [Level.ERROR]
    service.answer = {"keys": [jwk(RSA_KEY, kid="r")]}
    assert [level for level, _ in found(AUTH_JWKS_URL=service.url)] == [Level.OK, Level.WARNING]


def test_an_introspection_endpoint_is_asked_for_a_token_that_is_none(service: Service) -> None:
    service.answer = {"active": False}
    assert [level for level, _ in found(AUTH_INTROSPECTION_URL=service.url)] == [Level.OK]
    service.answer = {"something": "else"}
    assert [level for level, _ in found(AUTH_INTROSPECTION_URL=service.url)] == [Level.ERROR]
    service.status = 401
    ((level, what),) = found(AUTH_INTROSPECTION_URL=service.url)
    assert (level, "answered 401" in what) == (Level.ERROR, True)

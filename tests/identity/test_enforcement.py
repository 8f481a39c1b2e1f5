"""AUTH_MODE=report: who cannot prove who they are is let pass and logged; who says nothing of themselves is refused."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import pytest

from identity import IdentityRefused, Role, authenticate, verify_token
from tests.identity.signing import SECRET, token

FORGED = token("another secret of more than thirty-two bytes")


@pytest.fixture(autouse=True)
def _reporting(configure: Callable[..., None], settings: Any) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    settings.AUTH_MODE = "report"


def reported(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The lines that are counted (docs/migration.md), so that a log that samples must have each of them."""
    return [
        (record.__dict__["code"], record.__dict__["user_id"])
        for record in caplog.records
        if record.levelno == logging.WARNING and "AUTH_MODE=report" in record.message and not record.__dict__["sampled"]
    ]


@pytest.mark.parametrize(
    ("given", "user_id", "role", "code"),
    [
        ("any non-empty token", "7", "BUYER", "token_invalid"),
        (FORGED, "7", "BUYER", "token_invalid"),
        (token(exp=1), "7", "BUYER", "token_expired"),
        (token(), "8", "BUYER", "user_mismatch"),
        (token(role="SELLER"), "7", "BUYER", "role_not_allowed"),
        ("x" * 20_000, "7", "BUYER", "token_invalid"),
    ],
)
async def test_a_handshake_that_would_be_refused_passes_as_claimed_and_is_logged(
    given: str, user_id: str, role: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    identity = await authenticate(given, user_id, role)
    assert (identity.user_id, identity.role, identity.expires_at) == (user_id, Role(role), math.inf)
    assert reported(caplog) == [(code, user_id)]
    assert given not in caplog.text


async def test_a_handshake_that_is_proven_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    identity = await authenticate(token(), "7", "BUYER")
    assert identity.expires_at < math.inf
    assert not reported(caplog)


@pytest.mark.parametrize(
    ("given", "user_id", "role", "code"),
    [
        ("", "7", "BUYER", "token_missing"),
        ("any", "7", "ADMIN", "role_invalid"),
        (token(), "", "BUYER", "user_mismatch"),
        ("any", None, "BUYER", "token_invalid"),
    ],
)
async def test_who_names_no_token_no_user_or_no_side_is_refused_as_ever(
    given: str, user_id: Any, role: str, code: str
) -> None:
    with pytest.raises(IdentityRefused) as refused:
        await authenticate(given, user_id, role)
    assert refused.value.code == code


async def test_a_request_is_taken_for_the_user_that_it_names(caplog: pytest.LogCaptureFixture) -> None:
    assert (await verify_token("any non-empty token", "8")).user_id == "8"
    assert (await verify_token(token(), "8")).user_id == "8"
    assert reported(caplog) == [("token_invalid", "8"), ("user_mismatch", "8")]


async def test_a_request_that_names_nobody_is_taken_for_whom_its_token_names(caplog: pytest.LogCaptureFixture) -> None:
    claims = await verify_token(FORGED)
    assert claims.user_id == "7" and claims.roles == frozenset(Role)
    assert reported(caplog) == [("token_invalid", "7")]
    with pytest.raises(IdentityRefused, match="token_invalid"):
        await verify_token("an opaque token that nobody vouches for")


async def test_when_it_enforces_nobody_passes(settings: Any) -> None:
    settings.AUTH_MODE = "enforce"
    with pytest.raises(IdentityRefused, match="token_invalid"):
        await authenticate(FORGED, "7", "BUYER")
    with pytest.raises(IdentityRefused, match="token_invalid"):
        await verify_token(FORGED, "7")
    assert (await verify_token(token(), "8")).user_id == "7"

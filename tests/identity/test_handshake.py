"""What a handshake claims beside its token, `user_id` and `user_role`, must agree with it (contract, sections 1, 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from identity import (
    IdentityRefused,
    NoSigningKey,
    Role,
    authenticate,
    issue_token,
    verify_token,
)
from tests.identity.signing import RSA_KEY, SECRET, public_pem, token

Configure = Callable[..., None]


async def code_of(given: str, user_id: Any, role: Any) -> str:
    with pytest.raises(IdentityRefused) as refused:
        await authenticate(given, user_id, role)
    return refused.value.code


@pytest.fixture(autouse=True)
def _secret(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET)


@pytest.mark.parametrize("user_id", ["8", "", "07", "7 ", "7\x00", None])
async def test_the_user_id_must_be_the_tokens(user_id: Any) -> None:
    assert await code_of(token(), user_id, "BUYER") == "user_mismatch"


async def test_a_user_id_sent_as_a_number_is_its_digits() -> None:
    assert (await authenticate(token(), 7, "BUYER")).user_id == "7"


@pytest.mark.parametrize("role", ["", "buyer", "ADMIN", "BUYER,SELLER", None, 1, ["BUYER"]])
async def test_the_role_is_exactly_buyer_or_seller(role: Any) -> None:
    assert await code_of(token(), "7", role) == "role_invalid"


@pytest.mark.parametrize(
    ("claims", "allowed"),
    [
        ({}, {"BUYER", "SELLER"}),
        ({"role": "BUYER"}, {"BUYER"}),
        ({"role": ["SELLER"]}, {"SELLER"}),
        ({"roles": ["BUYER", "SELLER"]}, {"BUYER", "SELLER"}),
        ({"roles": "BUYER SELLER"}, {"BUYER", "SELLER"}),
        ({"roles": ["SELLER", "ADMIN", 5]}, {"SELLER"}),
        ({"role": "BUYER", "roles": ["SELLER"]}, {"BUYER", "SELLER"}),
        ({"roles": []}, set()),
        ({"role": ""}, set()),
        ({"role": "buyer"}, set()),
        ({"role": 1}, set()),
        ({"roles": {"BUYER": True}}, set()),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
async def test_a_token_that_names_roles_allows_those_alone(claims: dict[str, Any], allowed: set[str]) -> None:
    """Roles are spelled as on the wire. Named but none known: none allowed. Not named at all: either."""
    given = token(**claims)
    for role in ("BUYER", "SELLER"):
        if role in allowed:
            assert (await authenticate(given, "7", role)).role == role
        else:
            assert await code_of(given, "7", role) == "role_not_allowed"


async def test_the_first_thing_wrong_is_the_one_told() -> None:
    bad = token("another secret of more than thirty-two bytes")
    assert await code_of("", "8", "nobody") == "token_missing"
    assert await code_of(bad, "8", "nobody") == "role_invalid"
    assert await code_of(bad, "8", "BUYER") == "token_invalid"
    assert await code_of(token(role="SELLER"), "8", "BUYER") == "user_mismatch"


async def test_a_caller_that_passes_nothing_beside_the_token_learns_who_it_is() -> None:
    claims = await verify_token(token(role="SELLER"))
    assert (claims.user_id, claims.roles) == ("7", frozenset({Role.SELLER}))


async def test_the_other_role() -> None:
    assert (Role.BUYER.other, Role.SELLER.other) == (Role.SELLER, Role.BUYER)


async def test_an_issued_token_is_accepted_for_its_user_role_and_time(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET, AUTH_JWT_ISSUER="https://id.example", AUTH_JWT_AUDIENCE="chat")
    given = issue_token("7", Role.BUYER, 60)
    assert await authenticate(given, "7", "BUYER")
    assert await code_of(given, "7", "SELLER") == "role_not_allowed"
    assert await authenticate(issue_token("7", None, 60), "7", "SELLER")


async def test_without_settings_the_server_trusts_its_own_key_alone(configure: Configure) -> None:
    configure()
    given = issue_token("7", Role.BUYER, 60)
    assert await authenticate(given, "7", "BUYER")
    assert await code_of(token(), "7", "BUYER") == "token_invalid"
    configure(AUTH_JWT_KEY=SECRET)
    assert await code_of(given, "7", "BUYER") == "token_invalid", "with a key set, the server's own is not trusted"


@pytest.mark.parametrize(
    "values",
    [
        {"AUTH_JWT_KEY": public_pem(RSA_KEY)},
        {"AUTH_JWKS_URL": "http://127.0.0.1:1/"},
        {"AUTH_INTROSPECTION_URL": "http://127.0.0.1:1/"},
    ],
    ids=lambda values: next(iter(values)),
)
async def test_no_token_is_issued_that_would_not_be_accepted(configure: Configure, values: dict[str, str]) -> None:
    configure(**values)
    with pytest.raises(NoSigningKey):
        issue_token("7", Role.BUYER, 60)


@pytest.mark.parametrize(("user_id", "ttl"), [("", 60), (" ", 60), ("7", 0), ("7", -1)])
async def test_a_token_for_nobody_or_no_time_is_not_issued(user_id: str, ttl: int) -> None:
    with pytest.raises(ValueError, match=r"user_id|ttl"):
        issue_token(user_id, None, ttl)

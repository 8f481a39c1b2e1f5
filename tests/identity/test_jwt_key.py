"""AUTH_JWT_KEY: which tokens a secret and which a public key accepts (contract, section 7)."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from identity import IdentityRefused, Role, authenticate, verify_token
from identity.keys import parse_key
from tests.identity.signing import (
    EC_KEY,
    ED25519_KEY,
    EDDSA_KEYS,
    KEY_FOR,
    RSA_KEY,
    SECRET,
    private_pem,
    public_pem,
    token,
)

Configure = Callable[..., None]


async def refusal(given: str, user_id: str = "7", role: str = "BUYER") -> IdentityRefused:
    with pytest.raises(IdentityRefused) as refused:
        await authenticate(given, user_id, role)
    if given.strip():
        assert given not in str(refused.value)
    return refused.value


def handmade(header: dict[str, Any], payload: dict[str, Any], secret: bytes | None) -> str:
    """A token that no library would make."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(payload).encode())}"
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest() if secret else b""
    return f"{signed}.{part(signature)}"


async def test_a_token_signed_with_the_secret_gives_the_identity(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    expires_at = int(time.time()) + 60
    given = token(exp=expires_at)
    identity = await authenticate(given, "7", "SELLER")
    assert (identity.user_id, identity.role, identity.expires_at) == ("7", Role.SELLER, expires_at)
    assert identity.token == given
    assert given not in repr(identity), "a token does not get into logs by way of a repr"


@pytest.mark.parametrize("algorithm", KEY_FOR)
async def test_a_public_key_accepts_the_algorithms_of_its_kind(configure: Configure, algorithm: str) -> None:
    key = KEY_FOR[algorithm]
    configure(AUTH_JWT_KEY=public_pem(key))
    assert (await authenticate(token(key, algorithm), "7", "BUYER")).user_id == "7"


@pytest.mark.parametrize("key", EDDSA_KEYS, ids=["Ed25519", "Ed448"])
async def test_an_edwards_key_accepts_eddsa(configure: Configure, key: Any) -> None:
    configure(AUTH_JWT_KEY=public_pem(key))
    assert (await authenticate(token(key, "EdDSA"), "7", "BUYER")).user_id == "7"


async def test_a_pem_may_come_on_one_line_or_as_a_certificate(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=public_pem(EC_KEY).replace("\n", "\\n"))
    assert await verify_token(token(EC_KEY, "ES256"))

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(RSA_KEY.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(RSA_KEY, hashes.SHA256())
    )
    configure(AUTH_JWT_KEY=certificate.public_bytes(Encoding.PEM).decode())
    assert await verify_token(token(RSA_KEY, "RS256"))


async def test_an_hmac_token_is_never_accepted_under_a_public_key(configure: Configure) -> None:
    """Else anybody could sign, with the public key's text as the secret."""
    pem = public_pem(RSA_KEY)
    for secret in (pem, pem.strip(), pem.replace("\n", "\\n")):
        configure(AUTH_JWT_KEY=secret)
        forged = handmade({"alg": "HS256", "typ": "JWT"}, {"sub": "7", "exp": time.time() + 60}, secret.encode())
        assert (await refusal(forged)).code == "token_invalid"


@pytest.mark.parametrize("key", [SECRET, public_pem(EC_KEY)], ids=["secret", "public key"])
@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS1"])
async def test_an_unsigned_token_is_refused(configure: Configure, key: str, algorithm: str) -> None:
    configure(AUTH_JWT_KEY=key)
    unsigned = handmade({"alg": algorithm}, {"sub": "7", "exp": time.time() + 60}, None)
    assert (await refusal(unsigned)).code == "token_invalid"


async def test_tokens_of_another_key_or_kind_are_refused(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    assert (await refusal(token("another secret of more than thirty-two bytes"))).code == "token_invalid"
    assert (await refusal(token(RSA_KEY, "RS256"))).code == "token_invalid"
    assert (await refusal(token(SECRET * 2, "HS512"))).code == "token_invalid"
    configure(AUTH_JWT_KEY=public_pem(ED25519_KEY))
    assert (await refusal(token(EDDSA_KEYS[1], "EdDSA"))).code == "token_invalid"
    assert (await refusal(token(EC_KEY, "ES256"))).code == "token_invalid"


async def test_a_token_with_any_part_altered_is_refused(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    header, payload, signature = token().split(".")
    other = token(sub="8").split(".")
    for altered in (f"{header}.{other[1]}.{signature}", f"{header}.{payload}.{other[2]}", f"{header}.{payload}."):
        assert (await refusal(altered)).code == "token_invalid"


@pytest.mark.parametrize("given", ["", "   ", "\n"])
async def test_no_token_is_token_missing(configure: Configure, given: str) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    assert (await refusal(given)).code == "token_missing"


@pytest.mark.parametrize(
    "given",
    [
        "abc",
        "a.b.c",
        "...",
        "e30.e30.e30",
        "\ud800.x.y",
        "ü.ü.ü",
        "x" * 20_000,
        base64.urlsafe_b64encode(b"[" * 9_000).decode() + ".e30.e30",
        jwt.encode({}, SECRET, headers={"crit": ["b64"], "b64": False}),
    ],
    ids=lambda given: ascii(given[:10]),
)
async def test_garbage_is_refused_and_not_echoed(configure: Configure, given: str) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    assert (await refusal(given)).code == "token_invalid"


async def test_a_token_is_expired_from_the_second_of_its_exp_on(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    expires_at = time.time() + 3600
    given = token(exp=expires_at)
    monkeypatch.setattr(time, "time", lambda: expires_at - 0.01)
    assert await authenticate(given, "7", "BUYER")
    monkeypatch.setattr(time, "time", lambda: expires_at)
    assert (await refusal(given)).code == "token_expired"


async def test_a_token_that_was_accepted_is_checked_anew_under_other_settings(configure: Configure) -> None:
    given = token(aud="chat")
    configure(AUTH_JWT_KEY=SECRET)
    assert await verify_token(given)
    configure(AUTH_JWT_KEY=SECRET, AUTH_JWT_AUDIENCE="another")
    assert (await refusal(given)).code == "token_invalid"
    configure(AUTH_JWT_KEY=SECRET[::-1])
    assert (await refusal(given)).code == "token_invalid"


async def test_an_expired_forgery_is_called_invalid_not_expired(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    assert (await refusal(token("another secret of more than thirty-two bytes", ttl=-5))).code == "token_invalid"


@pytest.mark.parametrize("exp", [None, "soon", True, float("inf"), float("nan"), 10**400, [1], {}], ids=str)
async def test_exp_is_required_and_a_number(configure: Configure, exp: Any) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    refused = await refusal(token(exp=exp))
    assert refused.code == "token_invalid" and "exp" in refused.message


@pytest.mark.parametrize("sub", [None, "", "  ", True, 7.5, ["7"], {}], ids=str)
async def test_sub_is_required(configure: Configure, sub: Any) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    refused = await refusal(token(sub=sub))
    assert refused.code == "token_invalid" and "sub" in refused.message


async def test_a_numeric_sub_is_the_id_in_digits(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    assert (await authenticate(token(sub=7), "7", "BUYER")).user_id == "7"


async def test_a_token_that_is_not_valid_yet_is_refused_beyond_the_skew_of_clocks(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    assert await verify_token(token(nbf=time.time() + 3, iat=time.time() + 3))
    assert (await refusal(token(nbf=time.time() + 300))).code == "token_invalid"


async def test_issuer_and_audience_are_checked_where_set(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET, AUTH_JWT_ISSUER="https://id.example", AUTH_JWT_AUDIENCE="chat")
    assert await verify_token(token(iss="https://id.example", aud="chat"))
    assert await verify_token(token(iss="https://id.example", aud=["shop", "chat"]))
    for claims, named in (
        ({"iss": "https://evil.example", "aud": "chat"}, "iss"),
        ({"aud": "chat"}, "iss"),
        ({"iss": "https://id.example", "aud": "shop"}, "aud"),
        ({"iss": "https://id.example", "aud": 5}, "aud"),
        ({"iss": "https://id.example"}, "aud"),
    ):
        refused = await refusal(token(**claims))
        assert refused.code == "token_invalid" and named in refused.message


async def test_issuer_and_audience_are_ignored_where_not_set(configure: Configure) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    assert await verify_token(token(iss="anybody", aud="anything"))


async def test_a_key_that_is_none_is_named_without_being_shown() -> None:
    for text, named in (
        (private_pem(RSA_KEY), "private key"),
        ("-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----", "PEM"),
        ("  ", "empty"),
    ):
        with pytest.raises(ValueError, match=named) as error:
            parse_key(text)
        assert "nonsense" not in str(error.value)


async def test_refusals_log_nothing_of_the_token(configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    configure(AUTH_JWT_KEY=SECRET)
    with caplog.at_level(logging.DEBUG):
        given = token("another secret of more than thirty-two bytes")
        await refusal(given)
    assert given not in caplog.text

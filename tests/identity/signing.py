"""The identity provider's half of the tests: keys of every kind that JWTs are signed with, and tokens."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

SECRET = "a shared secret of more than thirty-two bytes"
RSA_KEY = rsa.generate_private_key(65537, 2048)
ED25519_KEY = ed25519.Ed25519PrivateKey.generate()
EC_KEY = ec.generate_private_key(ec.SECP256R1())

KEY_FOR: dict[str, Any] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSA_KEY),
    "ES256": EC_KEY,
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "ES256K": ec.generate_private_key(ec.SECP256K1()),
}
EDDSA_KEYS = [ED25519_KEY, ed448.Ed448PrivateKey.generate()]


def public_pem(private_key: Any) -> str:
    pem: bytes = private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def private_pem(private_key: Any) -> str:
    pem: bytes = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def token(
    key: Any = SECRET, algorithm: str = "HS256", *, kid: str | None = None, ttl: float = 3600, **claims: Any
) -> str:
    """A token for user 7; a claim given as None is left out."""
    whole = {"sub": "7", "exp": time.time() + ttl, **claims}
    headers = {"kid": kid} if kid else None
    return jwt.encode({k: v for k, v in whole.items() if v is not None}, key, algorithm=algorithm, headers=headers)


def jwk(private_key: Any, **members: Any) -> dict[str, Any]:
    """The published form of a key."""
    algorithms = jwt.algorithms.get_default_algorithms()
    for name in ("RS256", "ES256", "EdDSA"):
        try:
            published: dict[str, Any] = json.loads(algorithms[name].to_jwk(private_key.public_key()))
            return {**published, **members}
        except (jwt.InvalidKeyError, AttributeError):
            continue
    raise AssertionError(f"no JWK for {private_key!r}")

"""Keys that check a token's signature, and the only algorithms each may be used with.

The algorithm follows from the key, never from the token: an HMAC token "signed" with a public key's text, or one with
`alg: none`, has no key to be checked with (RFC 8725, sections 2.1 and 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

SECRET_ALGORITHM = "HS256"  # a name  # noqa: S105  # nosec B105
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512", "secp256k1": "ES256K"}


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key and the JWS algorithms it serves."""

    material: Any
    algorithms: tuple[str, ...]

    @property
    def is_secret(self) -> bool:
        """Whether it is a shared secret, which signs as well as it checks."""
        return isinstance(self.material, bytes)

    @classmethod
    def secret(cls, secret: bytes) -> VerificationKey:
        """An HS256 secret."""
        return cls(secret, (SECRET_ALGORITHM,))

    @classmethod
    def public(cls, key: object) -> VerificationKey:
        """Wrap a public key object of `cryptography`.

        Raises:
            ValueError: No JWT is signed with a key of this kind.
        """
        if isinstance(key, RSAPublicKey):
            return cls(key, _RSA)
        if isinstance(key, EllipticCurvePublicKey) and key.curve.name in _CURVES:
            return cls(key, (_CURVES[key.curve.name],))
        if isinstance(key, (Ed25519PublicKey, Ed448PublicKey)):
            return cls(key, ("EdDSA",))
        raise ValueError(f"{type(key).__name__} is no key that JWTs are checked with; use RSA, EC (P-256…) or Ed25519")


@lru_cache(maxsize=8)
def parse_key(text: str) -> VerificationKey:
    r"""Read AUTH_JWT_KEY: a PEM public key or certificate, else an HS256 secret.

    Args:
        text: The setting. The line breaks of a PEM may be written as `\n`, as one-line environment files do.

    Raises:
        ValueError: It is empty, a private key, or a PEM that cannot be read. The text does not contain the key.
    """
    if not text.strip():
        raise ValueError("AUTH_JWT_KEY is empty; give an HS256 secret or a PEM public key, or unset it")
    if "-----BEGIN" not in text:
        return VerificationKey.secret(text.encode())
    pem = text.replace("\\n", "\n").strip().encode()
    if b"PRIVATE KEY-----" in pem:
        raise ValueError("AUTH_JWT_KEY is a private key; this server only checks tokens: give it the public key")
    try:
        if b"-----BEGIN CERTIFICATE-----" in pem:
            return VerificationKey.public(x509.load_pem_x509_certificate(pem).public_key())
        return VerificationKey.public(load_pem_public_key(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"AUTH_JWT_KEY is not a readable PEM public key: {type(error).__name__}: {error}") from None

"""The keys of `settings.CONVERSATIONS` that say who a token's user is."""

from __future__ import annotations

from typing import Literal

import msgspec

from persistence.configuration import Section


class IdentitySettings(Section, frozen=True, kw_only=True):
    """How identities are proved.

    Attributes:
        IDENTITY: An async callable from an ASGI scope to `Claims`, which `identity.scopes` describes, such as
            "identity.session_user": who is logged in; empty: tokens prove identities, as the other keys say.
        ROLES: What tokens and handshakes call the sides of a room: {"customer": "BUYER", "agent": "SELLER"}.
        AUTH_MODE: "enforce", or "report": who cannot prove who they are is let in and logged.
        AUTH_JWT_KEY: An HS256 secret or a PEM public key that tokens are checked with.
        AUTH_JWKS_URL: Where the keys of tokens are published.
        AUTH_JWT_ISSUER: What a token's `iss` must be; empty: anything.
        AUTH_JWT_AUDIENCE: What must be in a token's `aud`; empty: anything.
        AUTH_INTROSPECTION_URL: What knows opaque tokens (RFC 7662).
        AUTH_TOKEN_HEADER: The header of the REST API with a bare token; empty: only `Authorization: Bearer`.
        DATA_DIR: A directory for this server's own key, which counts where none is named; empty: the key is made from
            `SECRET_KEY`.
    """

    IDENTITY: str = ""
    ROLES: dict[str, Literal["BUYER", "SELLER"]] = msgspec.field(default_factory=dict)
    AUTH_MODE: str = "enforce"
    AUTH_JWT_KEY: str = ""
    AUTH_JWKS_URL: str = ""
    AUTH_JWT_ISSUER: str = ""
    AUTH_JWT_AUDIENCE: str = ""
    AUTH_INTROSPECTION_URL: str = ""
    AUTH_TOKEN_HEADER: str = ""
    DATA_DIR: str = ""

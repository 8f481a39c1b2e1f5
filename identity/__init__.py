"""Who speaks: checks tokens, and compares a handshake's user id and role with its token (contract, section 7).

`authenticate` is for sockets, `verify_token` for requests. What an identity may do is decided by the apps above.

    identity = await authenticate(token, "7", "BUYER")
    assert identity.user_id == "7"
"""

from identity.authentication import Identity, NoSigningKey, authenticate, issue_token, verify_token
from identity.claims import Claims, Role
from identity.http_client import close
from identity.refusal import AuthMode, IdentityRefused, let_pass
from identity.scopes import identify, scope_identity, session_user

__all__ = [
    "AuthMode",
    "Claims",
    "Identity",
    "IdentityRefused",
    "NoSigningKey",
    "Role",
    "authenticate",
    "close",
    "identify",
    "issue_token",
    "let_pass",
    "scope_identity",
    "session_user",
    "verify_token",
]

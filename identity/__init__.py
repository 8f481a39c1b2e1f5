"""Who is speaking: tokens checked, and the user id and role of a handshake held against them (contract, section 7).

`authenticate` is the way in for sockets, `verify_token` for requests. What an identity may do is decided above.
"""

from identity.authentication import Identity, NoSigningKey, authenticate, issue_token, verify_token
from identity.claims import Claims, Role
from identity.http_client import close
from identity.refusal import AuthMode, IdentityRefused, let_pass

__all__ = [
    "AuthMode",
    "Claims",
    "Identity",
    "IdentityRefused",
    "NoSigningKey",
    "Role",
    "authenticate",
    "close",
    "issue_token",
    "let_pass",
    "verify_token",
]

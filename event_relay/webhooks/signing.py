"""Signatures of deliveries, as the Standard Webhooks specification (standardwebhooks.com, version 1.0) has them.

The signed text is `{webhook-id}.{webhook-timestamp}.{body}`, the signature `v1,` and HMAC-SHA256 in base64. Several,
one for each secret, are separated by spaces: receivers take one that they can verify, so that a secret can be replaced.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


def secret_key(secret: str) -> bytes:
    """Read a secret.

    Args:
        secret: `whsec_` and base64; the prefix may be missing.

    Raises:
        ValueError: It is no base64, or of another length than the specification asks for. The message does not tell it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it is not base64") from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"it has {len(key)} bytes")
    return key


def signed_headers(keys: Iterable[bytes], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Make the headers of one attempt to deliver.

    Args:
        keys: The secrets, as bytes.
        event_id: The id of the event, the same in all attempts.
        timestamp: Unix time of the attempt, in seconds. Receivers refuse what is five minutes off.
        body: The body.
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }

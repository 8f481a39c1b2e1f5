"""What a server process sees of a request: `/doctor`, for `manage.py doctor --url` alone.

The command and the servers have SECRET_KEY in common: a request without its signature is answered 404, as any address
that there is not. What is told is of the request and of the process, and nothing of users.
"""

from __future__ import annotations

import hashlib
import os
import platform
import time
from typing import Any, Final

import msgspec
from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http import Http404, HttpRequest, HttpResponse

from persistence.addresses import database_of

HEADER: Final = "X-Chozoi-Doctor"
_SIGNED: Final = "doctor"
_VALID_FOR: Final = 600  # seconds; clocks may differ by some of them


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a process tells.

    Attributes:
        process: Names the process: its machine and its id.
        scheme: Of the request, as Django takes it.
        host: The `Host` header.
        address: The client's address, as limits count it.
        forwarded: `X-Forwarded-For`, as it came.
        time: The process' clock, in seconds since 1970.
        settings: Of settings that must be the same in all processes, by name: what two processes can compare.
    """

    process: str
    scheme: str
    host: str
    address: str
    forwarded: str
    time: float
    settings: dict[str, str]


def signature() -> str:
    """Sign a request of the doctor's."""
    return _signer().sign(_SIGNED)


async def look(request: HttpRequest) -> HttpResponse:
    """Answer the doctor, in JSON; 404 to everybody else."""
    try:
        _signer().unsign(request.headers.get(HEADER, ""), max_age=_VALID_FOR)
    except BadSignature:
        raise Http404 from None
    seen = Seen(
        process=f"{platform.node()}, process {os.getpid()}",
        scheme=str(request.scheme),
        host=request.get_host(),
        address=request.META.get("REMOTE_ADDR", ""),
        forwarded=request.headers.get("X-Forwarded-For", ""),
        time=time.time(),
        settings=shared_settings(),
    )
    return HttpResponse(
        msgspec.json.encode(seen), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def shared_settings() -> dict[str, str]:
    """Return what must be the same in all processes, each value hashed with SECRET_KEY: some have passwords in them."""
    channel_layer: Any = settings.CHANNEL_LAYERS["default"]
    values: dict[str, Any] = {
        "the database of MONGODB_URI": database_of(settings.MONGODB_URI),
        "the database of REDIS_ADDRESS and CHANNEL_PREFIX": channel_layer["CONFIG"]["prefix"],
        "MAX_DISCONNECTION_DURATION": settings.MAX_DISCONNECTION_DURATION,
        "SOCKET_PATH": settings.SOCKET_PATH,
        "ALLOWED_ORIGINS": sorted(settings.ALLOWED_ORIGINS),
        "CONVERSATIONS": {
            name: value
            for name, value in settings.CONVERSATIONS.items()
            if name.startswith(("AUTH_", "EVENT_RATE_", "API_RATE_")) or name.endswith(("_NAMESPACE", "_WINDOW"))
        },
    }
    return {name: _hashed(value) for name, value in values.items()}


def _hashed(value: Any) -> str:
    content = msgspec.json.encode([settings.SECRET_KEY, value], order="sorted")
    return hashlib.sha256(content).hexdigest()[:16]


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="chozoi_chat.doctor")

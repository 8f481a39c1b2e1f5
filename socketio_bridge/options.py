"""The bridge's settings: Socket.IO's own names and defaults, read from `settings.SOCKETIO`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Options:
    """How the bridge behaves. Times are seconds, sizes bytes.

    `ping_interval`, `ping_timeout`: heartbeat (Engine.IO protocol, "Heartbeat"). `max_payload`: the largest message a
    client may send (`maxHttpBufferSize`). `connect_timeout`: how long a connection may stay without a namespace of the
    application. `outbound_limit`: how much may wait for a client that reads slowly before it is disconnected.
    `inbound_limit`: how much of a client's input may wait for its handlers before the bridge stops reading from it.
    """

    ping_interval: float = 25.0
    ping_timeout: float = 20.0
    connect_timeout: float = 45.0
    max_payload: int = 1_000_000
    outbound_limit: int = 4_000_000
    inbound_limit: int = 1_000_000
    allowed_origins: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls) -> Self:
        """Read `settings.SOCKETIO` and, unless it names its own, `settings.ALLOWED_ORIGINS`.

        Raises `ImproperlyConfigured` where a value is not a positive number or an option does not exist.
        """
        given: dict[str, Any] = dict(getattr(settings, "SOCKETIO", {}))
        given.setdefault("allowed_origins", getattr(settings, "ALLOWED_ORIGINS", ()))
        known = {field.name for field in fields(cls)}
        for name, value in given.items():
            if name not in known:
                raise ImproperlyConfigured(
                    f"SOCKETIO[{name!r}] is not an option; there are: {', '.join(sorted(known))}."
                )
            if name == "allowed_origins":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise ImproperlyConfigured(f"SOCKETIO[{name!r}] is {value!r}; it must be a number above 0.")
        given["allowed_origins"] = tuple(given["allowed_origins"])
        return cls(**given)

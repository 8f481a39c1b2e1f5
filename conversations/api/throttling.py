"""Rate limits of REST calls by user and by address, counted in Redis for all processes together."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from conversations.api.authentication import caller_of
from conversations.signals import limit_reached
from persistence.configuration import value_of
from persistence.rate_limits import network_of, wait_for_turn_sync
from socketio_bridge.rates import Rate


class _Throttle(BaseThrottle):
    """Counts the calls of one kind of caller."""

    kind: str
    setting: str

    def __init__(self) -> None:
        self._wait = 0.0

    def caller(self, request: Request) -> str | None:
        """Whom the call counts for; `None`: nobody."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the call; whether it is within the rate."""
        rate, caller = Rate.read(value_of(self.setting)), self.caller(request)
        if rate is not None and caller is not None:
            self._wait = wait_for_turn_sync(self.kind, caller, rate)
        if self._wait:
            limit_reached.send(sender=None, limit=self.setting)
        return self._wait == 0

    def wait(self) -> float:
        """Seconds until the next window."""
        return self._wait


class UserThrottle(_Throttle):
    """API_RATE_USER, for each user."""

    kind = "user"
    setting = "API_RATE_USER"

    def caller(self, request: Request) -> str | None:
        """The user's id."""
        caller = caller_of(request)
        return None if caller is None else caller.user_id


class UploadThrottle(UserThrottle):
    """API_RATE_UPLOADS, for each user."""

    kind = "uploads"
    setting = "API_RATE_UPLOADS"


class SearchThrottle(UserThrottle):
    """API_RATE_SEARCHES, for each user."""

    kind = "searches"
    setting = "API_RATE_SEARCHES"


class CostlyThrottle(UserThrottle):
    """EVENT_RATE_COSTLY, for each user: calls count together with the event that a subclass's `kind` names."""

    setting = "EVENT_RATE_COSTLY"


class NewRoomThrottle(CostlyThrottle):
    """EVENT_RATE_COSTLY for creating rooms."""

    kind = "create_room"

    def caller(self, request: Request) -> str | None:
        """The user's id."""
        return super().caller(request) if request.method == "POST" else None


class AddressThrottle(_Throttle):
    """API_RATE_ADDRESS, for each address. Behind a proxy the server finds the client's (docs/configuration.md)."""

    kind = "address"
    setting = "API_RATE_ADDRESS"

    def caller(self, request: Request) -> str | None:
        """The address that the connection came from; none on a Unix socket."""
        return network_of(request.META.get("REMOTE_ADDR") or "") or None


class UploadAddressThrottle(AddressThrottle):
    """API_RATE_UPLOADS_ADDRESS, for each address."""

    kind = "uploads-address"
    setting = "API_RATE_UPLOADS_ADDRESS"

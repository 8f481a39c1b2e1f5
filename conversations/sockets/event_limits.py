"""Limits of events, by user and by address, and of failed proofs of identity.

Events are counted in this process. Events that cost other processes work (`create_room`, and the others in `COSTLY`)
are counted in Redis for all processes together. A socket with too many refused events is disconnected.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from conversations.configuration import ChatSettings
from conversations.errors import Code, TooSoon
from conversations.signals import limit_reached
from identity import IdentityRefused
from persistence.configuration import SETTING, value_of
from persistence.rate_limits import network_of, wait_for_turn
from socketio_bridge import Namespace, Socket
from socketio_bridge.rates import Buckets, Rate

COSTLY = frozenset({"create_room", "verify_user", "report"})
"""Events that EVENT_RATE_COSTLY is for, each by itself: all processes count them together."""

PATIENCE = Rate(100, 60)
"""How many events of one socket may be refused. It is disconnected when it goes on."""

_refused = Buckets(PATIENCE)
_of_address, _of_user, _messages, _connects, _failures = (Buckets(None) for _ in range(5))
_BY_SETTING = {
    "EVENT_RATE_ADDRESS": _of_address,
    "EVENT_RATE_USER": _of_user,
    "EVENT_RATE_MESSAGES": _messages,
    "EVENT_RATE_CONNECTS": _connects,
    "AUTH_FAILURES": _failures,
}


@receiver(setting_changed)
def _read(*, setting: str, **_: object) -> None:
    """Read settings again that tests change. (To read them for each event would cost more than counting it.)"""
    if setting == SETTING:
        for name, buckets in _BY_SETTING.items():
            with contextlib.suppress(ValueError, ImproperlyConfigured):  # a system check names it
                buckets.limit(Rate.read(value_of(name)))


_read(setting=SETTING)


class LimitedNamespace(Namespace):
    """A namespace whose events are counted by user and by address before they are looked at."""

    def dispatch(self, socket: Socket, event: str, arguments: list[Any]) -> Coroutine[Any, Any, Any]:
        """Handle the event, if it is within the rates. (Not a coroutine itself: each frame costs every message.)"""
        if wait := _wait_here(socket, event):
            return self._refuse(socket, event, arguments, wait)
        if event in COSTLY:
            return self._dispatch_costly(socket, event, arguments)
        return super().dispatch(socket, event, arguments)

    async def _dispatch_costly(self, socket: Socket, event: str, arguments: list[Any]) -> Any:
        if wait := await _wait_everywhere(socket, event):
            return await self._refuse(socket, event, arguments, wait)
        return await super().dispatch(socket, event, arguments)

    async def _refuse(self, socket: Socket, event: str, arguments: list[Any], wait: float) -> Any:
        if _refused.take(socket.id, time.monotonic()):
            limit_reached.send(sender=None, limit="refused_events")
            await socket.disconnect(close=True)
        return await self.on_error(socket, event, arguments, too_soon(f"events ({event[:40]})", wait))


def too_soon(what: str, wait: float) -> TooSoon:
    """Make the refusal of one call too many.

    Args:
        what: Of what there were too many, in the plural.
        wait: Seconds until the next one is taken.
    """
    seconds = max(1, math.ceil(wait))
    return TooSoon(Code.RATE_LIMITED, f"too many {what}: try again in {seconds} s", retry_after=seconds)


def count_connect(user_id: str) -> None:
    """Count a connection of a user.

    Raises:
        TooSoon: `rate_limited`: there were too many (EVENT_RATE_CONNECTS).
    """
    if wait := _connects.take(user_id, time.monotonic()):
        raise too_soon("connections", _reached("EVENT_RATE_CONNECTS", wait))


@contextlib.asynccontextmanager
async def proving(address: str) -> AsyncIterator[None]:
    """Limit failed proofs of identity by address: within this block somebody at the address proves who they are.

    Tokens that are found invalid count, for all processes together (AUTH_FAILURES). While a proof is under way it
    counts here as if it had failed, so that many at once do not get around the limit.

    Args:
        address: The client's IP address; empty: there is no limit.

    Raises:
        TooSoon: `rate_limited`: there were too many invalid tokens.
    """
    rate = Rate.read(ChatSettings.current().AUTH_FAILURES)
    if rate is None or not address:
        yield
        return
    address = network_of(address)
    if wait := _failures.take(address, time.monotonic()):
        raise too_soon("bad tokens from this address", _reached("AUTH_FAILURES", wait))
    failed = False
    try:
        yield
    except IdentityRefused as refusal:
        failed = refusal.code == "token_invalid"
        raise
    finally:
        if not failed:
            _failures.give_back(address)
        elif await wait_for_turn("token_invalid", address, rate):
            _failures.empty(address, time.monotonic())  # so many were bad elsewhere


def _wait_here(socket: Socket, event: str) -> float:
    """Seconds to wait, by what this process counts. On the way of every message: it may cost a microsecond or two."""
    now = time.monotonic()
    address, identity = socket.handshake.address, getattr(socket.data, "identity", None)
    user = socket.id if identity is None else identity.user_id
    if address and (wait := _of_address.take(network_of(address), now)):
        return _reached("EVENT_RATE_ADDRESS", wait)
    if wait := _of_user.take(user, now):
        return _reached("EVENT_RATE_USER", wait)
    if event == "new_message" and (wait := _messages.take(user, now)):
        return _reached("EVENT_RATE_MESSAGES", wait)
    return 0.0


def _reached(limit: str, wait: float) -> float:
    limit_reached.send(sender=None, limit=limit)
    return wait


async def _wait_everywhere(socket: Socket, event: str) -> float:
    rate, identity = Rate.read(ChatSettings.current().EVENT_RATE_COSTLY), getattr(socket.data, "identity", None)
    if rate is None or identity is None:
        return 0.0
    wait = await wait_for_turn(event, identity.user_id, rate)
    return _reached("EVENT_RATE_COSTLY", wait) if wait else 0.0

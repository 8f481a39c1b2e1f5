"""The login of staff: Django's, with a limit on failed attempts, counted in Redis for all processes.

Three limits count attempts: of one name from one address, from one address, and of one name from anywhere. The last two
are higher, since many people may share an address, and nobody should lock out a colleague by mistyping a name. An
attempt counts before its password is checked, so that simultaneous ones count, too; a successful one is subtracted
again. An attempt that one limit refuses does not count for the next limits: otherwise one address could use up a name's
attempts everywhere. While Redis is away nothing is counted, and nobody is refused.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from moderation.configuration import LoginSettings
from persistence.rate_limits import network_of
from persistence.redis_client import REDIS_AWAY, count, redis, say_away

logger = logging.getLogger(__name__)

ADDRESS_FACTOR = 4
"""Times LOGIN_FAILURES from one address."""
NAME_FACTOR = 10
"""Times LOGIN_FAILURES of one name."""
_PREFIX = "chozoi:logins:"


class ThrottledLoginForm(AdminAuthenticationForm):
    """Django's login form, which refuses after too many failures without checking the password."""

    def clean(self) -> dict[str, Any]:
        """Check the limits, then the password."""
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        address = (self.request.META.get("REMOTE_ADDR") or "") if self.request is not None else ""
        if wait := begin_login(name, address):
            logger.warning("login of %r from %s refused: too many failed ones", name, address)
            minutes = math.ceil(wait / 60)
            raise ValidationError(
                f"Too many failed logins. Try again in {minutes} minute{'s' if minutes > 1 else ''}.", code="throttled"
            )
        cleaned = super().clean()
        login_succeeded(name, address)
        return cleaned


def begin_login(name: str, address: str) -> int:
    """Count an attempt.

    Args:
        name: The user name.
        address: The IP address.

    Returns:
        For how many seconds it is refused; 0: it is not.
    """
    with _nobody_kept_out():
        for key, most in _limits(name, address):
            tries, left = count(key, LoginSettings.current().LOGIN_LOCKOUT)
            if tries > most:
                return max(1, left)
    return 0


def login_succeeded(name: str, address: str) -> None:
    """Subtract a successful attempt from the counts."""
    limits = _limits(name, address)
    if not limits:
        return
    (own, _), *others = limits
    with _nobody_kept_out(), redis().pipeline() as pipeline:
        pipeline.delete(own)
        for key, _ in others:
            # A count that has ended meanwhile, or was not begun while Redis was away, is none to go on for ever.
            pipeline.set(key, 1, ex=LoginSettings.current().LOGIN_LOCKOUT, nx=True)
            pipeline.decr(key)
        pipeline.execute()


def _limits(name: str, address: str) -> list[tuple[str, int]]:
    few = LoginSettings.current().LOGIN_FAILURES
    if not few:
        return []
    address = network_of(address)
    return [
        (_key("both", name.casefold(), address), few),
        (_key("address", address), ADDRESS_FACTOR * few),
        (_key("name", name.casefold()), NAME_FACTOR * few),
    ]


def _key(*parts: str) -> str:
    return _PREFIX + hashlib.blake2b("\n".join(parts).encode(errors="replace"), digest_size=16).hexdigest()


@contextmanager
def _nobody_kept_out() -> Iterator[None]:
    try:
        yield
    except REDIS_AWAY as error:
        say_away("failed logins are not counted", error)

"""Members of staff: who acts, as the audit records it, and what they may do."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import cast

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Staff:
    """One of the staff and the address they act from; or a command, which has no id."""

    staff_id: str
    name: str
    address: str = ""

    @classmethod
    def of(cls, user: AbstractBaseUser, address: str = "") -> Staff:
        """A Django user at an IP address."""
        return cls(str(user.pk), user.get_username(), address)

    @classmethod
    def at_the_console(cls, command: str) -> Staff:
        """Whoever runs a management command: the operating system's user."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # a container's user may have no name
            name = "?"
        return cls("", f"{name}, manage.py {command}")


def may(request: HttpRequest, permission: str) -> bool:
    """Whether they have a permission, such as `moderation.change_report`."""
    return cast("User | AnonymousUser", request.user).has_perm(permission)

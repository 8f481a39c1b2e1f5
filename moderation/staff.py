"""Members of staff: who acts, as the audit records it, and their permissions."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import cast

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Staff:
    """Who acts: a member of staff, or a management command.

    Attributes:
        staff_id: The key of the Django user; empty: a command.
        name: The user name; of a command, the operating system's user and the command's name.
        address: The IP address; empty: none.
    """

    staff_id: str
    name: str
    address: str = ""

    @classmethod
    def of(cls, user: AbstractBaseUser, address: str = "") -> Staff:
        """Make it from a Django user."""
        return cls(str(user.pk), user.get_username(), address)

    @classmethod
    def at_the_console(cls, command: str) -> Staff:
        """Make it from whoever runs a management command."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # a container's user may have no name
            name = "?"
        return cls("", f"{name}, manage.py {command}")


def may(request: HttpRequest, permission: str) -> bool:
    """Whether the user of a request has a permission, such as `moderation.change_report`."""
    return cast("User | AnonymousUser", request.user).has_perm(permission)

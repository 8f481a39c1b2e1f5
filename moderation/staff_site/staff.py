"""Who acts, as the audit knows them."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser


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

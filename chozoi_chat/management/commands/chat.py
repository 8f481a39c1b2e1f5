"""`manage.py chat`: the chat in a terminal."""

import asyncio
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chozoi_chat.terminal_client import Address, Refused, TerminalClient
from identity import NoSigningKey, Role
from persistence.configuration import value_of


class Command(BaseCommand):
    help = (
        "Chat in a terminal, as any user: with a token as `issue_token` makes it, to the server that runs here. The "
        "room is made where there is none. Lines may come from a pipe, too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as", required=True, dest="user_id", metavar="USER", help="who you are")
        parser.add_argument("--role", choices=[role.value for role in Role], required=True, help="your side")
        parser.add_argument("--to", required=True, dest="other", metavar="USER", help="the user on the other side")
        parser.add_argument("--url", help="the server (http://127.0.0.1:PORT)")

    def handle(self, *, user_id: str, role: str, other: str, url: str | None, **options: Any) -> None:
        address = Address(
            (url or f"http://127.0.0.1:{settings.PORT}").rstrip("/"),
            value_of("SOCKET_PATH"),
            value_of("MESSENGER_NAMESPACE"),
        )
        client = TerminalClient(address, user_id, Role(role), other, self._say)
        with suppress(KeyboardInterrupt):
            try:
                asyncio.run(client.run())
            except (Refused, NoSigningKey, ValueError) as error:
                raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        # What somebody else wrote must not steer the terminal.
        shown = "".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in line)
        self.stdout.write(self.style.SUCCESS(shown) if shown.startswith("-- ") else shown)
        self.stdout.flush()

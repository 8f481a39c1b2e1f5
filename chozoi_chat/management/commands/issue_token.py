"""`manage.py issue_token`: a token for a user of one's choice, for development and tests."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity import NoSigningKey, Role, issue_token


class Command(BaseCommand):
    help = "Print a token that this server accepts, signed with AUTH_JWT_KEY (HS256) or the server's own key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user-id", required=True, help="the user that the token is for")
        parser.add_argument("--role", choices=[role.value for role in Role], help="the one role; without it, either")
        parser.add_argument("--ttl", type=int, default=3600, help="seconds until it expires (default: %(default)s)")

    def handle(self, *, user_id: str, role: str | None, ttl: int, **options: Any) -> None:
        try:
            self.stdout.write(issue_token(user_id, Role(role) if role else None, ttl))
        except (NoSigningKey, ValueError) as error:
            raise CommandError(str(error)) from error

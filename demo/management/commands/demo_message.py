"""`manage.py demo_message`: a message from a process that serves nobody."""

import math
import os
from argparse import ArgumentParser
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError

from conversations import services
from conversations.errors import REFUSALS
from conversations.requests import NewMessage
from demo.people import PEOPLE, Person
from identity import Identity
from socketio_bridge import flush


class Command(BaseCommand):
    help = "Send a message in a room of the demo from this process, which has no sockets: all servers pass it on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--room", default="7.501", help="the room (%(default)s)")
        parser.add_argument("--from", default="501", dest="sender", choices=PEOPLE, help="who writes (%(default)s)")

    def handle(self, *, room: str, sender: str, **options: Any) -> None:
        try:
            content = async_to_sync(_send)(room, PEOPLE[sender])
        except (*REFUSALS, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(content)


async def _send(room_id: str, sender: Person) -> str:
    buyer, _, seller = room_id.partition(".")
    content = f"Hello from process {os.getpid()}. It serves no sockets; Redis took this to the server that has yours."
    message = NewMessage(
        room_id=room_id,
        sender=sender.user_id,
        recipient=seller if sender.user_id == buyer else buyer,
        type="TEXT",
        content=content,
    )
    identity = Identity(sender.user_id, sender.role, "", math.inf, frozenset({sender.role}))
    await services.send_message(identity, message)
    await flush()
    return content

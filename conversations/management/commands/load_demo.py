"""`manage.py load_demo`: many made-up rooms and messages, to see how a system does with as much."""

import random
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from conversations.management.made_up import Conversation, Line, store
from conversations.management.progress import Progress
from conversations.models import Room
from identity import Role
from persistence.database import connection

ROOMS_OF_A_SHOP = 100
SPAN = 30 * 24 * 60.0  # minutes from the first message of a room to the last
MESSAGES_OF_A_BATCH = 2000
SAID = (
    "Is it still there?",
    "Yes, it is.",
    "Còn hàng không shop?",
    "Dạ còn ạ, chị lấy màu nào?",
    "How long does the delivery take?",
    "Two days to Hanoi, four to the islands.",
    "Could you take a picture of the back?",
    "Of course, this evening when I am in the shop.",
    "Shop ơi, bớt chút được không?",
    "Miễn phí vận chuyển cho chị nhé!",
    "Thank you!",
    "The parcel has come, everything is well.",
)


class Command(BaseCommand):
    help = (
        "Make many made-up rooms with messages. Stop it with Ctrl-C as you like: the same command goes on from there, "
        "and leaves what is there alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rooms", type=int, default=1000, help="how many there are in the end (%(default)s)")
        parser.add_argument("--messages", type=int, default=100_000, help="in all of them together (%(default)s)")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be made")

    def handle(self, *, rooms: int, messages: int, dry_run: bool, **options: Any) -> None:
        if rooms < 1:
            raise CommandError(f"--rooms is {rooms}; it must be 1 or more.")
        if messages < rooms:
            raise CommandError(f"--messages is {messages} for {rooms} rooms; each room has at least one.")
        database = connection.settings_dict["NAME"]
        if dry_run:
            there = sum(len(_there(batch)) for batch in _batches(rooms, messages))
            self.stdout.write(
                f"Would make {rooms - there} of {rooms} rooms in the database {database}; {there} are there. "
                f"All of them would have {messages} messages."
            )
            return
        progress = Progress(self.stderr, "made")
        done = made = made_messages = 0
        try:
            for batch in _batches(rooms, messages):
                stored = store(batch, anew=True)
                done += len(batch)
                made += len(stored)
                made_messages += sum(len(conversation.lines) for conversation in stored)
                progress(done, rooms, made_messages)
        except KeyboardInterrupt:
            self.stderr.write(f"\nStopped after {done} of {rooms} rooms. The same command goes on from there.")
            sys.exit(130)  # as a shell says of what Ctrl-C ended
        self.stdout.write(f"{made} rooms and {made_messages} messages made in {database}; {rooms - made} were there.")


def _batches(rooms: int, messages: int) -> Iterator[list[Conversation]]:
    """All conversations, some at a time; the same ones each time."""
    each = -(-messages // rooms)
    at_once = max(1, MESSAGES_OF_A_BATCH // each)
    conversations = (_conversation(number, rooms, messages) for number in range(rooms))
    while batch := list(islice(conversations, at_once)):
        yield batch


def _there(batch: list[Conversation]) -> list[Any]:
    return list(Room.objects.filter(pk__in=[conversation.room_id for conversation in batch]).values_list("pk"))


def _conversation(number: int, rooms: int, messages: int) -> Conversation:
    share, rest = divmod(messages, rooms)
    count = share + (number < rest)
    chance = random.Random(number)  # noqa: S311  what is said is no secret, and the same in each run
    shop = number // ROOMS_OF_A_SHOP
    last = chance.uniform(0, 60 * 24.0)

    def line(index: int) -> Line:
        speaker = Role.BUYER if chance.random() < 0.5 else Role.SELLER
        return last + SPAN * (count - index - 1) / count, speaker, chance.choice(SAID)

    return Conversation(
        f"load-buyer-{number}",
        f"load-shop-{shop}",
        f"Buyer {number}",
        f"Shop {shop}",
        tuple(map(line, range(count))),
        unseen=chance.choice((0, 0, 0, 1, 3)) if count >= 3 else 0,
    )

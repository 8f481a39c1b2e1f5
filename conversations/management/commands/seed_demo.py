"""`manage.py seed_demo`: two shops, a few buyers, their messages, and a staff account."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from conversations.management.made_up import Conversation, store
from identity import Role

STAFF = "admin"

BUYERS = {"7": "Linh Trần", "8": "Minh Phạm", "9": "Ana Castillo"}
SHOPS = {"501": "Gốm Bát Tràng", "502": "Second Spring Books"}


def _between(buyer: str, seller: str) -> tuple[str, str, str, str]:
    return buyer, seller, BUYERS[buyer], SHOPS[seller]


CONVERSATIONS = (
    Conversation(
        *_between("7", "501"),
        (
            (4330, Role.BUYER, "Hello! I am looking for a gift for my parents' anniversary. Something for the table."),
            (4326, Role.SELLER, "Welcome! Do they drink tea, or is it more for meals?"),
            (4325, Role.BUYER, "Tea, every evening."),
            (4321, Role.SELLER, "Then have a look at our celadon, it is the one people come back for."),
            (4310, Role.BUYER, "It is lovely. Is it made in Bát Tràng itself?"),
            (4306, Role.SELLER, "Yes, by two families. Each piece is thrown by hand, so no two are quite the same."),
            (4300, Role.BUYER, "How long does one piece take?"),
            (4294, Role.SELLER, "About three weeks, most of which is drying. The kiln takes two days."),
            (4290, Role.BUYER, "Thank you, I will think about it."),
            (2890, Role.BUYER, "I am back! My sister says they have celadon already."),
            (2884, Role.SELLER, "Ha, a good family. Then perhaps cobalt blue? It has a gold rim."),
            (2880, Role.BUYER, "Blue would suit them. Do you have it with lotus flowers?"),
            (2871, Role.SELLER, "With lotus, with carp, or plain."),
            (2866, Role.BUYER, "Lotus, please."),
            (2860, Role.SELLER, "We have two of those left."),
            (1450, Role.BUYER, "One more question: can you write a card?"),
            (1443, Role.SELLER, "Of course, by hand, and it costs nothing."),
            (1440, Role.BUYER, "You are kind."),
            (190, Role.BUYER, "Good morning! Does the blue tea set come with six cups or four?"),
            (186, Role.SELLER, "Six cups, one pot and a tray."),
            (185, Role.BUYER, "And is it safe in a dishwasher?"),
            (184, Role.SELLER, "The glaze is, but the gold rim would fade. Better by hand."),
        ),
        unseen=1,
    ),
    Conversation(
        *_between("7", "502"),
        ((55, Role.BUYER, "Is the 1987 atlas still there?"), (52, Role.SELLER, "It is, I have put it aside for you.")),
    ),
    Conversation(*_between("8", "501"), ((30, Role.BUYER, "When will bowls be in stock again?"),), unseen=1),
    Conversation(
        *_between("9", "502"),
        (
            (1500, Role.BUYER, "The parcel came today, everything well packed. Thank you!"),
            (1490, Role.SELLER, "Glad to hear it. Enjoy the reading."),
        ),
    ),
)


class Command(BaseCommand):
    help = (
        "Make the demo's rooms and messages where they are missing, and a staff account whose password is printed once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do nothing when there is a staff account already")

    def handle(self, *, once: bool, **options: Any) -> None:
        users = User.objects
        has_staff = users.filter(is_staff=True).exists()
        if once and has_staff:
            return
        made = len(store(list(CONVERSATIONS)))
        self.stdout.write(f"Demo: {made} rooms of the buyers {', '.join(BUYERS)} with the sellers {', '.join(SHOPS)}.")
        if not has_staff:  # last: a run that was cut short before this point is made up for by the next one
            password = secrets.token_urlsafe(12)
            users.create_superuser(STAFF, password=password)
            self.stdout.write(f'Staff account "{STAFF}", password "{password}": it is not shown again.')

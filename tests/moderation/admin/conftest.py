"""What the tests of the admin share: staff of each role, signed in, and something to look at."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from moderation.models import FilterHit, HeldMessage, MessageFilter, Note, Report, Restriction, TargetKind
from tests.moderation.conftest import Store

Makes = Callable[..., Any]
ROLES = ("Support", "Moderation lead")


@pytest.fixture
def roles(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The groups, as the migration made them; made anew where a test before has flushed the database."""
    with django_db_blocker.unblock():
        if Group.objects.filter(name__in=ROLES).count() < len(ROLES):
            call_command("migrate", "moderation", "0001", verbosity=0)
            call_command("migrate", "moderation", verbosity=0)


def staff(name: str, role: str | None) -> User:
    """An account of that role; `None`: a superuser's; an empty one: no role at all."""
    if role is None:
        return User.objects.create_superuser(name)
    user = User.objects.create_user(name, is_staff=True)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def signed_in(user: User) -> Client:
    """A browser in which they have signed in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def support(database: Store, roles: None) -> Client:
    """Mai, of Support."""
    return signed_in(staff("mai", "Support"))


@pytest.fixture
def lead(database: Store, roles: None) -> Client:
    """Tuan, a moderation lead."""
    return signed_in(staff("tuan", "Moderation lead"))


@pytest.fixture
def nobody(database: Store, roles: None) -> Client:
    """A staff account without any role."""
    return signed_in(staff("new", ""))


@pytest.fixture
def seven_and_nine(database: Store) -> Store:
    """A room of buyer 7 and seller 9 with a dozen messages, and a trace of everything."""
    now = timezone.now()
    database.cz_rooms.insert_one(
        {
            "_id": "7.9", "type": "BS", "creator": "7", "buyer": "7", "seller": "9", "updated_at": now, "__v": 0,
            "buyer_info": {"name": "Linh"}, "shop": {"name": "Gốm"},
        }
    )  # fmt: skip
    database.cz_messages.insert_many(
        [
            {
                "_id": f"m{n:02}", "room_id": "7.9", "from": "79"[n % 2], "to": "97"[n % 2], "type": "TEXT",
                "content": f"line {n}", "created_at": now - datetime.timedelta(minutes=12 - n),
            }
            for n in range(12)
        ]
    )  # fmt: skip
    return database


def reported(target: str = "m05", *, by: str = "7", minutes_ago: int = 5, **fields: Any) -> Report:
    """An open report about a message of seller 9."""
    given: dict[str, Any] = {
        "target_kind": TargetKind.MESSAGE,
        "target_id": target,
        "room_id": "7.9",
        "user_id": "9",
        "reporter": by,
        "reason": "fraud",
        "text": "wants money first",
        "created_at": timezone.now() - datetime.timedelta(minutes=minutes_ago),
        "open_key": f"{by} {target}",
    }
    return Report.objects.create(**given | fields)


def restricted(user_id: str = "9", **fields: Any) -> Restriction:
    """A mute without an end."""
    now = timezone.now()
    given = {"kind": "mute", "user_id": user_id, "reason": "rude", "starts_at": now, "created_at": now}
    return Restriction.objects.create(**{**given, "created_by": "mai", **fields})


def held(**fields: Any) -> HeldMessage:
    """A message of buyer 7 that waits."""
    given = {"room_id": "7.9", "sender": "7", "recipient": "9", "type": "TEXT", "content": "buy at evil.example"}
    return HeldMessage.objects.create(**{**given, "filter_name": "links", "held_at": timezone.now(), **fields})


def hit(**fields: Any) -> FilterHit:
    """A message of buyer 7 that a filter refused."""
    given = {"filter_name": "links", "action": "refuse", "at": timezone.now(), "room_id": "7.9", "user_id": "7"}
    return FilterHit.objects.create(**{**given, "text": "buy at evil.example", **fields})


def noted(**fields: Any) -> Note:
    """A note about user 9."""
    given = {"target_kind": "user", "target_id": "9", "text": "called back", "written_by": "mai"}
    return Note.objects.create(**{**given, "written_at": timezone.now(), **fields})


def filtered(**fields: Any) -> MessageFilter:
    """A filter of words."""
    given = {"name": "rude words", "kind": "words", "patterns": "moron\nidiot", "action": "flag"}
    return MessageFilter.objects.create(**given | fields)

"""Every page of the admin that one account finds, on what the demo makes or on documents of other programs.

The addresses are those that Django's admin has for each model that is registered, with each filter, sort and a search,
and whatever is linked to from there on.
"""

from __future__ import annotations

import datetime
import html
import re
from collections import Counter, deque
from collections.abc import Iterator
from urllib.parse import parse_qsl, urljoin, urlsplit

from bson import ObjectId
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.urls import resolve, reverse

from moderation.models import AuditRecord
from tests.conversations.oddities import MESSAGE_FIELDS, NOON, ROOM_FIELDS, VALUES
from tests.moderation.admin.conftest import filtered, held, hit, noted, reported, restricted, signed_in, staff
from tests.moderation.conftest import Store

OF_A_KIND = 2
"""Pages that are opened of those that one view makes, beside the ones that are named here."""
LINK = re.compile(r"""href=["']([^"'#]+)["']""")


def addresses_of(model: type[Model], client: Client) -> Iterator[str]:
    """What Django's admin has for a model: of the list only where it is Django's own."""
    model_admin = admin.site.get_model_admin(model)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    listed = reverse(f"{name}_changelist")
    yield from (listed, f"{listed}?q=an", f"{listed}?all=")
    if not model._meta.managed:  # nothing is stored of it, and its pages are our own
        return
    yield reverse(f"{name}_add")
    yield from (f"{listed}?o={sign}{n}" for n in range(1, len(model_admin.list_display) + 1) for sign in ("", "-"))
    answer = client.get(listed)
    if answer.context and (shown := answer.context.get("cl")) is not None:
        for spec in shown.filter_specs:
            yield from (f"{listed}{choice['query_string']}" for choice in spec.choices(shown))
    if (row := model._default_manager.first()) is not None:
        yield from (reverse(f"{name}_{page}", args=[quote(row.pk)]) for page in ("change", "delete", "history"))


def links_of(address: str, text: str) -> Iterator[str]:
    """The admin's own that a page links to; of a list's each change of the address one at a time."""
    for found in LINK.findall(text):
        split = urlsplit(urljoin(address, html.unescape(found)))
        if split.path.startswith("/admin/") and not split.path.endswith("/logout/") and not split.netloc:
            query = parse_qsl(split.query, keep_blank_values=True)
            if len(query) <= 1 or "next" in dict(query):
                yield split.geturl()


def open_all(client: Client) -> dict[str, int]:
    """The status of every page that this account may find, by its address; of each kind of page a few."""
    waiting = deque(
        [
            "/admin/",
            *(
                each
                for model in apps.get_models()
                if admin.site.is_registered(model)
                for each in addresses_of(model, client)
            ),
        ]
    )
    given = set(waiting)
    statuses: dict[str, int] = {}
    of_kind = Counter[tuple[str, bool]]()
    while waiting:
        address = waiting.popleft()
        kind = (resolve(urlsplit(address).path).view_name, "?" in address)
        if address in statuses or (address not in given and of_kind[kind] >= OF_A_KIND):
            continue
        of_kind[kind] += 1
        answer = client.get(address)
        statuses[address] = answer.status_code
        allowed = (200, 302, 403, 404) if address in given else (200, 302)
        assert answer.status_code in allowed, address
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            waiting.extend(links_of(address, answer.text))
    return statuses


def seeded(database: Store) -> None:
    """The demo, and a trace of each kind besides."""
    call_command("seed_demo", verbosity=0)
    call_command("seed_moderation", verbosity=0)
    filtered()
    held(room_id="7.502")
    hit(room_id="7.502")
    noted()
    restricted()
    restricted("8", kind="ban")
    reported("m1", room_id="7.502")
    reported("7", target_kind="user", room_id="7.502")
    reported("7.501", target_kind="room", room_id="7.501")


def odd(database: Store) -> None:
    """Of every odd value rooms and messages that hold it in all of their fields, and what moderation has about them."""
    database.cz_rooms.insert_one({"_id": "7.9", "buyer": "7", "seller": "9", "updated_at": NOON})
    for number, value in enumerate(VALUES.values()):
        room, message = dict.fromkeys(ROOM_FIELDS, value), dict.fromkeys(MESSAGE_FIELDS, value)
        key = f"odd.{number}"
        database.cz_rooms.insert_many(
            [
                {**room, "_id": key, "buyer": "7", "seller": "9", "updated_at": NOON},
                {"_id": f"{key}.undated", "buyer": "7", "seller": "9", "updated_at": value},
                {"_id": f"{key}.of nobody", "buyer": value, "seller": value, "updated_at": NOON},
            ]
        )
        database.cz_messages.insert_many(
            [
                {**message, "_id": key, "room_id": "7.9", "created_at": NOON},
                {**message, "_id": f"{key}.undated", "room_id": "7.9"},
                {**message, "_id": f"{key}.of no room", "room_id": value},
            ]
        )
        reported(key, by=str(number), user_id="7")
        reported(key, by=str(number), target_kind="room", room_id=key, user_id="", open_key=f"{number} {key} room")
        hit(message_id=key)
        held(room_id=key)
    database.cz_rooms.insert_many([{"_id": key, "buyer": "7", "updated_at": NOON} for key in (12, ObjectId(), NOON)])
    database.cz_messages.insert_many([{"_id": key, "room_id": "7.9", "created_at": NOON} for key in (12, ObjectId())])
    noted()
    restricted()


def open_all_as(role: str | None) -> list[str]:
    """The addresses that open for an account of that role (see `staff`), beside another account and a record."""
    me = staff("ann", role)
    other = User.objects.create_user("bo", is_staff=True)
    other.groups.add(*Group.objects.all())
    AuditRecord.objects.create(
        at=NOON.replace(tzinfo=datetime.UTC), staff_name="mai", act="user.muted", target_kind="user", target_id="9"
    )
    return [address for address, status in open_all(signed_in(me)).items() if status == 200]

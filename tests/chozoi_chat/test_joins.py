"""Joins of Django's ORM load what they join, on the embedded MongoDB, too (see `chozoi_chat.mongodb`)."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db.models import F, Value

pytestmark = pytest.mark.django_db


def test_a_group_gives_its_permissions() -> None:
    user = User.objects.create_user("anna")
    group = Group.objects.create(name="readers")
    group.permissions.add(Permission.objects.get(codename="view_room"))
    user.groups.add(group)
    assert user.get_all_permissions() == {"conversations.view_room"}


def test_a_related_object_comes_with_its_own_fields() -> None:
    permission = Permission.objects.select_related("content_type").get(codename="view_room")
    assert (permission.content_type.app_label, permission.content_type.model) == ("conversations", "room")


def test_values_of_a_joined_collection_and_expressions_stand_side_by_side() -> None:
    wanted = Permission.objects.filter(codename="view_room").annotate(app=F("content_type__app_label"), one=Value(1))
    assert list(wanted.values_list("app", "content_type__model", "codename", "one")) == [
        ("conversations", "room", "view_room", 1)
    ]

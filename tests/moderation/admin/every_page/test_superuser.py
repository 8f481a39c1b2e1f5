"""Every page as a superuser; and what only a superuser does: staff and their roles."""

from __future__ import annotations

import html

from django.contrib.auth.models import Group, User

from tests.moderation.admin.conftest import signed_in, staff
from tests.moderation.admin.every_page.crawl import open_all_as, seeded
from tests.moderation.conftest import Store


def test_no_page_fails_and_none_links_to_one_that_its_reader_may_not_open(database: Store, roles: None) -> None:
    seeded(database)
    assert len(open_all_as(None)) >= 100


def test_a_superuser_makes_somebody_staff_and_gives_them_a_role(database: Store, roles: None) -> None:
    client = signed_in(staff("ann", None))
    made = {"username": "bo", "password1": "long and of no dictionary 7", "password2": "long and of no dictionary 7"}
    added = client.post("/admin/auth/user/add/", {**made, "usable_password": "true"})
    bo = User.objects.get(username="bo")
    assert added["Location"].endswith(f"/{bo.pk}/change/")
    page = client.get(f"/admin/auth/user/{bo.pk}/change/")
    assert "Conversations | room | Can view room" in html.unescape(page.text)
    role = Group.objects.get(name="Support")
    form = {"username": "bo", "is_active": "on", "is_staff": "on", "groups": [str(role.pk)]}
    joined = {"date_joined_0": "2026-11-01", "date_joined_1": "12:00:00"}
    assert client.post(f"/admin/auth/user/{bo.pk}/change/", {**form, **joined}).status_code == 302
    assert User.objects.get(username="bo").has_perm("moderation.view_report")

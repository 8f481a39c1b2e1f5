"""An address of the admin at which there is nothing is a 404, whatever stands in it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.moderation.conftest import Store


@pytest.mark.parametrize(
    "path", ["r/1/1/", "r/x/y/", "r/0123456789abcdef01234567/1/", "auth/user/1/change/", "nowhere/"]
)
def test_an_address_that_leads_nowhere_is_no_failure(database: Store, client: Client, path: str) -> None:
    client.force_login(User.objects.create_superuser("root"))
    answer = client.get(f"/admin/{path}")
    assert answer.status_code == 404 or answer["Location"] == "/admin/"  # Django's, of a key that there is nobody of

"""The page of a held message: it is released or dropped once."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from moderation.models import HeldMessage
from tests.moderation.admin.answers import errors
from tests.moderation.admin.conftest import held
from tests.moderation.conftest import Store


@pytest.mark.parametrize(("act", "state"), [("release", "released"), ("drop", "dropped")])
def test_a_held_message_is_released_or_dropped(support: Client, seven_and_nine: Store, act: str, state: str) -> None:
    message = held()
    url = reverse(f"admin:moderation_heldmessage_{act}", args=[message.pk])
    assert "buy at evil.example" in support.get(url).text
    support.post(url, {"reason": ""})
    assert HeldMessage.objects.get().state == state
    assert seven_and_nine.cz_messages.count_documents({"content": "buy at evil.example"}) == (act == "release")
    assert "decided" in str(errors(support.post(url, {})))

"""Uploaded pictures, and messages that show them."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from conversations.images import uploads
from conversations.images.files import new_key, store_image
from tests.conversations.api.pictures import photo
from tests.moderation.conftest import message

MEDIA = "/v1/conversations/media/"


async def uploaded(user_id: str) -> str:
    """The key of a picture that a user has uploaded."""
    key = new_key()
    await uploads.note_upload(key, user_id)
    await store_image(SimpleUploadedFile("photo.jpg", photo(), "image/jpeg"), key)
    return key


def picture(key: str, **fields: Any) -> Any:
    """A message that shows it."""
    return message(f"{MEDIA}{key}.jpg", **{"type": "IMAGE", **fields})

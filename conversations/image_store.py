"""Where images that users send are kept: Django's default storage, a directory or any other that Django can speak to.

Who knows an image's address may see it; the names cannot be guessed. They are deleted with messages that are too old to
be kept, and with those of somebody whose data is erased.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import re
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile

from conversations.errors import Code, RuleViolation
from conversations.images import FORMATS, EncodedImage, NotAnImage, clean_copy

logger = logging.getLogger(__name__)

NAME = r"\d{4}/\d{2}/[0-9a-f]{32}(?:\.small)?\.(?:jpg|png|gif|webp)"
"""What a stored image is called, as a pattern."""
_NAME = re.compile(NAME)

_painters = ThreadPoolExecutor(1, thread_name_prefix="conversations-images")
"""One image at a time: a large one needs a core and some hundred megabytes."""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image under its name in the storage, with a small one beside it. Sizes in pixels and bytes."""

    name: str
    thumbnail_name: str
    content_type: str
    width: int
    height: int
    size: int


async def store_image(file: UploadedFile[bytes]) -> StoredImage:
    """Keep a clean copy of an image that came in, and a thumbnail.

    RuleViolation: `upload_too_large`, `not_an_image`, `store_unavailable`.
    """
    size = file.size or 0
    if size > settings.UPLOAD_MAX_BYTES:
        raise RuleViolation(
            Code.UPLOAD_TOO_LARGE, f"the file has {size} bytes: at most {settings.UPLOAD_MAX_BYTES} are taken"
        )
    return await asyncio.get_running_loop().run_in_executor(_painters, _store, file)


def delete_images(contents: Iterable[str]) -> int:
    """Delete the images that messages of these contents show, with their small ones; how many that were.

    For the store's threads. Addresses of anything else are passed over; an image that cannot be deleted is logged.
    """
    deleted = 0
    for content in contents:
        if (match := _NAME.search(content)) is None:
            continue
        stem, _, suffix = match.group().replace(".small", "").rpartition(".")
        for name in (f"{stem}.{suffix}", *(f"{stem}.small.{each.suffix}" for each in FORMATS.values())):
            try:
                if default_storage.exists(name):
                    default_storage.delete(name)
                    deleted += 1
            except Exception:  # every storage has errors of its own
                logger.exception("Image %s could not be deleted.", name)
    return deleted


def _store(file: UploadedFile[bytes]) -> StoredImage:
    try:
        image, thumbnail = clean_copy(file.read(), settings.UPLOAD_MAX_PIXELS)
    except NotAnImage as error:
        raise RuleViolation(Code.NOT_AN_IMAGE, str(error)) from None
    name = f"{datetime.datetime.now(datetime.UTC):%Y/%m}/{secrets.token_hex(16)}"
    try:
        return StoredImage(
            name=_save(name, image),
            thumbnail_name=_save(f"{name}.small", thumbnail),
            content_type=FORMATS[image.format].content_type,
            width=image.width,
            height=image.height,
            size=len(image.content),
        )
    except Exception as error:  # every storage has errors of its own
        logger.exception("An image could not be stored.")
        raise RuleViolation(Code.STORE_UNAVAILABLE, "the image could not be stored; try again in a moment") from error


def _save(name: str, image: EncodedImage) -> str:
    kind = FORMATS[image.format]
    file = SimpleUploadedFile(f"{name}.{kind.suffix}", image.content, kind.content_type)
    return default_storage.save(f"{name}.{kind.suffix}", file)

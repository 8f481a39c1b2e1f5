"""Where images that users send are kept: Django's default storage, a directory or any other.

Anybody who knows an image's address may see it; the names cannot be guessed. `uploads` decides when files are deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import unquote

from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile

from conversations.configuration import ChatSettings
from conversations.errors import Code, RuleViolation, TooSoon
from conversations.images.painter_process import paint
from conversations.images.painting import FORMATS, EncodedImage, NotAnImage
from conversations.models import MessageType
from conversations.signals import limit_reached

logger = logging.getLogger(__name__)

NAME = r"\d{4}/\d{2}/[0-9a-f]{32}(?:\.small)?\.(?:jpg|png|gif|webp)"
"""What a stored image is called, as a pattern."""
_NAME = re.compile(NAME)
_CONTENT_TYPES = {kind.suffix: kind.content_type for kind in FORMATS.values()}

WAITING = 8
"""Images that may wait in this process, each as large as UPLOAD_MAX_BYTES, the one that is painted among them."""
WAITING_OF_ONE = 3
"""How many of these may be of one user."""
RETRY_AFTER = 2  # seconds

_painters = ThreadPoolExecutor(1, thread_name_prefix="conversations-images")
"""One image at a time: a large one needs a core and some hundred megabytes."""
_waiting = Counter[str]()
"""How many images of each user wait."""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in the storage, and a thumbnail beside it.

    Attributes:
        name: The image's name in the storage.
        thumbnail_name: The thumbnail's name.
        content_type: The image's media type.
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        size: Of the image, in bytes.
    """

    name: str
    thumbnail_name: str
    content_type: str
    width: int
    height: int
    size: int


@contextlib.contextmanager
def place_in_queue(user_id: str) -> Iterator[None]:
    """Hold a place among the images that wait to be painted. Take one before anything is done for an upload.

    Args:
        user_id: Whose image it is.

    Raises:
        TooSoon: `rate_limited`: WAITING_OF_ONE images of the user wait already.
        RuleViolation: `overloaded`: WAITING images wait already.
    """
    if _waiting[user_id] >= WAITING_OF_ONE:
        limit_reached.send(sender=None, limit="waiting_images_of_user")
        raise TooSoon(
            Code.RATE_LIMITED, f"{WAITING_OF_ONE} images of yours are on their way: send the next one after them",
            retry_after=RETRY_AFTER,
        )  # fmt: skip
    if _waiting.total() >= WAITING:
        limit_reached.send(sender=None, limit="waiting_images")
        raise RuleViolation(Code.OVERLOADED, "too many images are waiting to be painted; try again in a moment")
    _waiting[user_id] += 1
    try:
        yield
    finally:
        _waiting[user_id] -= 1
        if not _waiting[user_id]:
            del _waiting[user_id]


async def store_image(file: UploadedFile[bytes], key: str) -> StoredImage:
    """Store a clean copy of an image, and a thumbnail.

    Args:
        file: The file as it came.
        key: A `new_key`.

    Raises:
        RuleViolation: `upload_too_large`, `not_an_image`; `store_unavailable` where the storage fails.
    """
    size, most = file.size or 0, ChatSettings.current().UPLOAD_MAX_BYTES
    if size > most:
        raise RuleViolation(Code.UPLOAD_TOO_LARGE, f"the file has {size} bytes: at most {most} are taken")
    return await asyncio.get_running_loop().run_in_executor(_painters, _store, file, key)


def new_key() -> str:
    """Make a name for an image that nobody can guess."""
    return f"{datetime.datetime.now(datetime.UTC):%Y/%m}/{secrets.token_hex(16)}"


def image_in(message_type: str, content: str) -> str | None:
    """Find the upload that a message shows, however its address is written.

    Args:
        message_type: A value of `MessageType`.
        content: The message's content.

    Returns:
        The upload's key; None: it shows none.
    """
    if message_type != MessageType.IMAGE:
        return None
    found = _NAME.search(unquote(content))
    return None if found is None else found[0].partition(".")[0]


def delete_image(key: str) -> None:
    """Delete the files of an image. A failure is logged."""
    for name in _names(key):
        try:
            if default_storage.exists(name):
                default_storage.delete(name)
        except Exception:  # every storage has errors of its own
            logger.exception("Image %s could not be deleted.", name)


def read_image(key: str) -> tuple[bytes, str] | None:
    """Read an image, whatever its format.

    Args:
        key: The image's key.

    Returns:
        The file's content and its media type; None: there is no such image.
    """
    found = (read_file(f"{key}.{kind.suffix}") for kind in FORMATS.values())
    return next((file for file in found if file is not None), None)


def read_file(name: str) -> tuple[bytes, str] | None:
    """Read a stored file.

    Args:
        name: The file's name, which matches NAME or is that of a withheld image.

    Returns:
        The file's content and its media type; None: there is no such file.
    """
    try:
        with default_storage.open(name) as file:
            return file.read(), _CONTENT_TYPES[name.rpartition(".")[2]]
    except FileNotFoundError:
        return None


def is_stored(name: str) -> bool:
    """Tell whether there is a file of this name."""
    return default_storage.exists(name)


def address_of(name: str) -> str:
    """The address of a stored file, as the storage gives it: a whole URL, or the path on this server."""
    return default_storage.url(name)


def move_image(key: str, to: str) -> None:
    """Rename the files of an image. A file that is there already under the new name stays.

    Args:
        key: The image's key.
        to: Its new key.
    """
    for name, new in zip(_names(key), _names(to), strict=True):
        if not default_storage.exists(name):
            continue
        if not default_storage.exists(new):
            with default_storage.open(name) as file:
                default_storage.save(new, file)
        default_storage.delete(name)


def _names(key: str) -> list[str]:
    return [f"{key}{small}.{kind.suffix}" for small in ("", ".small") for kind in FORMATS.values()]


def _store(file: UploadedFile[bytes], key: str) -> StoredImage:
    try:
        image, thumbnail = paint(file.read(), ChatSettings.current().UPLOAD_MAX_PIXELS)
    except NotAnImage as error:
        raise RuleViolation(Code.NOT_AN_IMAGE, str(error)) from None
    try:
        return StoredImage(
            name=_save(key, image),
            thumbnail_name=_save(f"{key}.small", thumbnail),
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

"""When uploaded pictures are deleted: once nothing shows them. They are withheld while what showed them is redacted.

Whether a picture is used is asked of what uses it: messages, by their `image`, and what policies keep. So uses need no
counter, and a message that names a picture of somebody else destroys nothing. All functions but the coroutines are for
the store's threads.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Collection, Iterable
from typing import Final

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from conversations.images.files import StoredImage, delete_image, move_image, new_key, place_in_queue, store_image
from conversations.models import Message, Upload
from conversations.policies import policies
from persistence.mongodb import Document, durable, in_parts, in_store_thread
from persistence.timestamps import stored_time

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
UNUSED_FOR: Final = datetime.timedelta(days=1)
"""How long a picture is kept that no message shows yet."""
_AT_ONCE: Final = 5


async def take_upload(user_id: str, file: UploadedFile[bytes]) -> StoredImage:
    """Store an image that a user uploads, and look at a few uploads that are due.

    Args:
        user_id: Who uploads it.
        file: The file as it came.

    Returns:
        The stored image. Its address is what a message of type IMAGE carries.

    Raises:
        RuleViolation: `upload_too_large`, `not_an_image`, `store_unavailable` (of the images), `overloaded`.
        TooSoon: `rate_limited`: too many images of this user wait already.
        StoreUnavailable: MongoDB does not answer.
    """
    with place_in_queue(user_id):
        key = new_key()
        await note_upload(key, user_id)
        stored = await store_image(file, key)
        await sweep()
    return stored


async def note_upload(key: str, user_id: str) -> None:
    """Record an upload, before its picture is stored.

    Args:
        key: The picture's key.
        user_id: Who uploads it.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    now = timezone.now()
    upload = {"_id": key, "uploaded_by": user_id, "uploaded_at": now, "due_at": now + UNUSED_FOR, "withheld": ""}
    await in_store_thread(lambda: durable(Upload).insert_one(upload))


async def sweep(limit: int = _AT_ONCE) -> int:
    """Look at pictures that are due, and delete those that nothing uses.

    Each upload calls it for a few, so that unused pictures are deleted without a process for it.

    Args:
        limit: The most pictures to look at.

    Returns:
        How many were looked at.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    return await in_store_thread(_sweep, limit)


def let_go(images: Iterable[str]) -> None:
    """Make pictures due that are about to lose a use. Call it before they lose it, so that none is forgotten.

    Args:
        images: Their keys.
    """
    for part in in_parts(set(images)):
        durable(Upload).update_many({"_id": {"$in": part}}, {"$set": {"due_at": timezone.now()}})


def collect(images: Iterable[str], *, of: str = "") -> int:
    """Delete pictures that nothing uses.

    A picture that was uploaded within UNUSED_FOR is kept, as its message may be on its way.

    Args:
        images: The keys of the pictures to look at.
        of: A user whose pictures are deleted even so; empty: nobody's.

    Returns:
        How many were deleted.
    """
    wanted = set(images)
    used = _used(wanted)
    uploads = {
        found["_id"]: found for part in in_parts(wanted) for found in durable(Upload).find({"_id": {"$in": part}})
    }
    deleted = 0
    for key in wanted:
        upload = uploads.get(key, {})
        withheld = upload.get("withheld")
        end = (stored_time(upload.get("uploaded_at")) or _EPOCH) + UNUSED_FOR
        if key not in used and (end <= timezone.now() or upload.get("uploaded_by") == of):
            delete_image(key)
            if withheld:
                delete_image(withheld)
            durable(Upload).delete_one({"_id": key})
            deleted += 1
            continue
        if withheld:  # and perhaps its move was cut off
            move_image(key, withheld)
        change = {"$unset": {"due_at": ""}} if key in used else {"$set": {"due_at": end}}
        durable(Upload).update_one({"_id": key}, change)
    return deleted


def withhold(image: str, sender: str) -> None:
    """Rename the picture of a message that is redacted, so that its address leads nowhere.

    A picture that another user than the sender uploaded stays while another message shows it.

    Args:
        image: The picture's key.
        sender: Who wrote the message.
    """
    upload = durable(Upload).find_one({"_id": image}) or {}
    if upload.get("uploaded_by") != sender and durable(Message).find_one({"image": image}, ["_id"]):
        return
    withheld = upload.get("withheld") or f"withheld/{secrets.token_hex(16)}"
    change: Document = {"$set": {"withheld": withheld, "due_at": timezone.now()}}
    durable(Upload).update_one({"_id": image}, {**change, "$setOnInsert": {"uploaded_at": timezone.now()}}, upsert=True)
    move_image(image, withheld)


def reveal(image: str) -> None:
    """Undo `withhold`."""
    upload = durable(Upload).find_one({"_id": image})
    if upload is not None and upload.get("withheld"):
        durable(Upload).update_one({"_id": image}, {"$set": {"withheld": ""}})
        move_image(upload["withheld"], image)


def _sweep(limit: int) -> int:
    due = durable(Upload).find({"due_at": {"$lte": timezone.now()}}, ["_id"], sort=[("due_at", 1)], limit=limit)
    keys = [upload["_id"] for upload in due]
    collect(keys)
    return len(keys)


def _used(images: Collection[str]) -> set[str]:
    used: set[str] = set()
    for part in in_parts(images):
        used.update(key for key in part if durable(Message).find_one({"image": key}, ["_id"]))
    for policy in policies():
        used |= policy.images_kept(images)
    return used

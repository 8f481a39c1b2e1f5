"""What a message's content may be, by its type; asked whenever one is sent or edited."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urljoin, urlsplit

from django.conf import settings
from django.http.request import validate_host

from conversations.configuration import ChatSettings
from conversations.errors import Code, RuleViolation
from conversations.images.files import NAME, address_of
from conversations.models import MessageType

LONGEST_EMOJI = 100
"""Characters: the name of an emoji or sticker, or the emoji itself, which may be of a dozen characters."""
_STORED = re.compile(rf"(?<=/){NAME}$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_READ_DIFFERENTLY = re.compile(r"[\s\\<>\"\x00-\x20\x7f]")
"""What browsers drop from an address or take for something else."""


def require_content(message_type: str, content: str) -> None:
    """Refuse a content that a message of this type cannot have.

    Args:
        message_type: A value of `MessageType`.
        content: The content of a message that is sent or edited.

    Raises:
        RuleViolation: `validation_failed`: it is too long, has control characters in an emoji, or is no address of an
            image that may be shown.
    """
    longest = LONGEST_EMOJI if message_type == MessageType.EMOJI else ChatSettings.current().MESSAGE_MAX_LENGTH
    if len(content) > longest:
        what = "an emoji" if message_type == MessageType.EMOJI else "a message"
        raise _refusal(f"has {len(content)} characters: {what} has at most {longest}")
    if message_type == MessageType.EMOJI and _CONTROL.search(content):
        raise _refusal("has line breaks or control characters: an emoji is a short text, its name or itself")
    if message_type == MessageType.IMAGE and not _may_be_shown(content):
        raise _refusal(
            f"is {content[:100]!r}: an image is at an address of this server's uploads, "
            "or at an http or https address of a host that the operator allows"
        )


def is_at_a_known_host(image: str) -> bool:
    """Tell whether an image is one of this server's uploads, or at a host that `IMAGE_HOSTS` names. `*` names none.

    Args:
        image: The image's address.
    """
    parts = _parts(image)
    return parts is not None and (_is_ours(parts) or _is_named(parts, [name for name in _allowed() if name != "*"]))


def without_stored_name(image: str) -> str:
    """Return the part of an image's address that somebody has chosen: all but the name that this server gave the file.

    Args:
        image: The image's address.
    """
    return re.sub(NAME, "", image)


def _refusal(problem: str) -> RuleViolation:
    return RuleViolation(Code.VALIDATION_FAILED, f"`content` {problem}")


def _may_be_shown(image: str) -> bool:
    parts = _parts(image)
    return parts is not None and (_is_ours(parts) or _is_named(parts, _allowed()))


def _parts(address: str) -> SplitResult | None:
    if _READ_DIFFERENTLY.search(address):
        return None
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return None if "@" in parts.netloc else parts


def _allowed() -> tuple[str, ...]:
    return ChatSettings.current().IMAGE_HOSTS


def _is_named(parts: SplitResult, hosts: Sequence[str]) -> bool:
    return parts.scheme in ("http", "https") and bool(parts.hostname) and validate_host(parts.hostname or "", hosts)


def _is_ours(parts: SplitResult) -> bool:
    """Whether it is the address of a stored image: the storage's, or this server's under any of its names."""
    if (name := _STORED.search(parts.path)) is None:
        return False
    ours = urlsplit(urljoin(ChatSettings.current().PUBLIC_URL, address_of(name[0])))
    if parts.path != ours.path:
        return False
    if not parts.netloc:
        return not parts.scheme
    if parts.scheme in ("http", "https") and parts.hostname == ours.hostname:
        return True
    is_served_here = not urlsplit(address_of(name[0])).netloc
    return is_served_here and _is_named(parts, settings.ALLOWED_HOSTS)

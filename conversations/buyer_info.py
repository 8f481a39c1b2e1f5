"""What a room shows its seller of the buyer: which of it is text, and stands under the rules of a message.

A phone number and an e-mail address are what filters keep out of messages, and what these two fields are for: a field
that holds what its name promises is no text. Nor is the address of an avatar at a host where images may be.
Whatever else a field holds is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from conversations.message_content import is_at_a_known_host

_PHONE_NUMBER = re.compile(r"[\d\s()+.*/-]{0,32}")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")


def text_in(info: Mapping[str, str]) -> str:
    """The text in it, a field a line; of an e-mail address its words, which no filter takes for a link."""
    return "\n".join(filter(None, (_text_of(name, value) for name, value in info.items())))


def _text_of(name: str, value: str) -> str:
    if name == "phone_number" and _PHONE_NUMBER.fullmatch(value):
        return ""
    if name == "email" and _EMAIL.fullmatch(value):
        return " ".join(re.split(r"[@.]", value))
    if name == "avatar" and is_at_a_known_host(value):
        return ""
    return value

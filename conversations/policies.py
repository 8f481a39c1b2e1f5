"""What may keep a user out or a message back besides the rules of rooms: policies, of apps that stand above this one.

`CONVERSATION_POLICIES` names their classes; one instance of each serves the process. They are asked by everything that
lets a user in (connect, `verify_user`, recovery, REST) and that shows one side of a room what the other one writes
(sending, editing, making rooms, typing). They say no with a RuleViolation, whose code the client gets like any other.
"""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable, Collection
from functools import lru_cache
from typing import Protocol, TypeAlias

from django.conf import settings
from django.utils.module_loading import import_string

from conversations.payloads import MessagePayload
from conversations.requests import Draft
from persistence.mongodb import Document

AfterStoring: TypeAlias = Callable[[MessagePayload | None], Awaitable[None]]
"""What a policy does about a text once it is stored; a repeat of a message comes here too. `None`: it is no message."""


class Policy(Protocol):
    """What an app above may say about users and messages."""

    async def refresh(self, *, just_now: bool = False) -> None:
        """Learn what the checks need, at most some tenths of a second old; `just_now`: no older than this call.

        Called before the others, once for a group of messages: what waits here keeps their order.
        """

    def check_user(self, user_id: str) -> None:
        """RuleViolation: this user may not come in."""

    def check_writer(self, user_id: str) -> None:
        """RuleViolation: this user may not write, nor be seen typing."""

    async def check_message(self, draft: Draft) -> AfterStoring | None:
        """RuleViolation: this message may not be written. Else what is to be done when it has been, if anything.

        Whoever waits here for a store lets later messages overtake: only where a message is refused, or rare.
        """

    def keep_revision(self, message: Document, replaced_at: datetime.datetime) -> None:
        """Keep what a message says that is about to be edited, as its document has it; in one of the store's threads.

        One transaction with the edit, where the store has those; may be called again.
        """

    def images_kept(self, images: Collection[str]) -> set[str]:
        """Those of these uploads that this app shows or keeps, besides messages; in one of the store's threads."""


@lru_cache(maxsize=8)
def _made(paths: tuple[str, ...]) -> tuple[Policy, ...]:
    return tuple(import_string(path)() for path in paths)


def policies() -> tuple[Policy, ...]:
    """The policies of this process."""
    return _made(tuple(settings.CONVERSATION_POLICIES))


async def refresh() -> None:
    """Have all policies know what they need for the messages that are checked next."""
    for policy in policies():
        await policy.refresh()


async def require_admitted(user_id: str, *, just_now: bool = False) -> None:
    """RuleViolation: a policy keeps this user out. `just_now`: as of this moment, else of tenths of a second ago."""
    for policy in policies():
        await policy.refresh(just_now=just_now)
        policy.check_user(user_id)


def check_writer(user_id: str) -> None:
    """RuleViolation: a policy does not let this user write. Call it after `refresh`, as `check_message`."""
    for policy in policies():
        policy.check_writer(user_id)


async def check_message(draft: Draft) -> list[AfterStoring]:
    """RuleViolation: a policy refuses this message. Else what they do once it is stored.

    Call it after `refresh`, which `services.messages.writable_rooms` does when it loads a room.
    """
    return [after for policy in policies() if (after := await policy.check_message(draft)) is not None]

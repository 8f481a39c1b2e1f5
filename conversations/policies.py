"""Policies: what apps above this one forbid, besides the rules of rooms. They keep users out and messages back.

The key `POLICIES` of `settings.CONVERSATIONS` names their classes; one instance of each serves the process. Policies
are asked wherever a user is let in (connect, `verify_user`, recovery, REST) and wherever one side of a room is shown
what the other one writes (sending, editing, creating rooms, typing). They refuse with a `RuleViolation`, whose code
the client gets like any other.
"""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable, Collection
from functools import lru_cache
from typing import Protocol, TypeAlias

from django.utils.module_loading import import_string

from conversations.configuration import ChatSettings
from conversations.payloads import MessagePayload
from conversations.requests import CreateRoom, Draft
from persistence.mongodb import Document

AfterStoring: TypeAlias = Callable[[MessagePayload | None], Awaitable[None]]
"""What a policy does once a draft is stored, with the message, also for a repeat; None: the draft was no message."""


class Policy(Protocol):
    """What an app above may decide about users and messages.

        class NoShouting(Policy):
            async def check_message(self, draft: Draft) -> AfterStoring | None:
                if draft.content.isupper():
                    raise Forbidden("too_loud", "the message is in capitals: use small letters")
                return None

    A class that derives from this one has the methods that it does not define: they allow all and do nothing.
    """

    async def refresh(self, *, just_now: bool = False) -> None:
        """Learn what the checks need. Called before them, once for a group of messages, which wait in their order.

        Args:
            just_now: Whether it must be no older than this call; by default it may be some tenths of a second old.
        """

    def check_user(self, user_id: str) -> None:
        """Check whether a user may come in.

        Raises:
            RuleViolation: The user may not.
        """

    def check_writer(self, user_id: str) -> None:
        """Check whether a user may write, and be seen typing.

        Raises:
            RuleViolation: The user may not.
        """

    async def check_room(self, creator: str, request: CreateRoom) -> None:
        """Check whether two users may have a room. Called when a room is made, not when it is shown again.

        Args:
            creator: The side that asks for it.
            request: The two sides and the shop.

        Raises:
            RuleViolation: They may not.
        """

    async def check_message(self, draft: Draft) -> AfterStoring | None:
        """Check whether a message may be written.

        While this waits for a store, later messages overtake: wait only where a message is refused, or where that is
        rare.

        Args:
            draft: The message.

        Returns:
            What is to be done once the message is stored; None: nothing.

        Raises:
            RuleViolation: It may not be written.
        """

    def keep_revision(self, message: Document, replaced_at: datetime.datetime) -> None:
        """Keep the former content of a message that is about to be edited.

        Called in one of the store's threads, in one transaction with the edit where MongoDB has those; may be called
        again.

        Args:
            message: The message's document before the edit.
            replaced_at: The time of the edit.
        """

    def images_kept(self, images: Collection[str]) -> set[str]:
        """Tell which uploads this app shows or keeps, besides those of messages. Called in one of the store's threads.

        Args:
            images: Keys of uploads.

        Returns:
            Those of them that must not be deleted.
        """
        return set()


@lru_cache(maxsize=8)
def _made(paths: tuple[str, ...]) -> tuple[Policy, ...]:
    return tuple(import_string(path)() for path in paths)


def policies() -> tuple[Policy, ...]:
    """Return the policies of this process, in the order of the setting."""
    return _made(ChatSettings.current().POLICIES)


async def refresh() -> None:
    """Refresh all policies for the messages that are checked next."""
    for policy in policies():
        await policy.refresh()


async def require_admitted(user_id: str, *, just_now: bool = False) -> None:
    """Refuse a user whom a policy keeps out.

    Args:
        user_id: The user.
        just_now: Whether the policies must know what holds at this moment; by default, some tenths of a second ago.

    Raises:
        RuleViolation: A policy refuses the user.
    """
    for policy in policies():
        await policy.refresh(just_now=just_now)
        policy.check_user(user_id)


def check_writer(user_id: str) -> None:
    """Refuse a user whom a policy does not let write. Call it after `refresh`.

    Raises:
        RuleViolation: A policy refuses the user.
    """
    for policy in policies():
        policy.check_writer(user_id)


async def check_room(creator: str, request: CreateRoom) -> None:
    """Ask all policies about a room that is to be made.

    Args:
        creator: The side that asks for it.
        request: The two sides and the shop.

    Raises:
        RuleViolation: A policy refuses it.
    """
    for policy in policies():
        await policy.check_room(creator, request)


async def check_message(draft: Draft) -> list[AfterStoring]:
    """Ask all policies about a message. Call it after `refresh`, which `services.messages.writable_rooms` calls.

    Args:
        draft: The message.

    Returns:
        What the policies do once it is stored.

    Raises:
        RuleViolation: A policy refuses the message.
    """
    return [after for policy in policies() if (after := await policy.check_message(draft)) is not None]

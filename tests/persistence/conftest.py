"""The tests of the store use the chat's collections, so they share its fixtures."""

from tests.conversations.conftest import buyer, chat, database, emitted, migrated, room, seller

__all__ = ["buyer", "chat", "database", "emitted", "migrated", "room", "seller"]

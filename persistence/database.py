"""The chat's MongoDB among the databases of the project, and the router that keeps the chat's models there.

DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", …},
"chat": {"ENGINE": "persistence.engine", "HOST": "mongodb://db:27017/chat?replicaSet=rs0"}}
DATABASE_ROUTERS = ["persistence.database.ChatRouter"]
CONVERSATIONS = {"DATABASE": "chat"}
"""

from __future__ import annotations

from typing import Any, cast

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.utils.connection import ConnectionProxy

from persistence.configuration import StoreSettings

DATABASE = StoreSettings.current().DATABASE
"""The alias of the chat's MongoDB."""

connection = cast("BaseDatabaseWrapper", ConnectionProxy(connections, DATABASE))
"""The running thread's connection to it, as `django.db.connection` is the one to the default database."""

STORED_WITH = "stored_with"
"""The hint by which a migration's operation says with which app's models its data are: `{STORED_WITH: "auth"}`."""


class ChatRouter:
    """Sends the chat's models to `CONVERSATIONS["DATABASE"]`, and keeps all others away from it.

    The chat's are those of an app whose AppConfig has `in_chat_database = True`.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """Return the chat's database for its models; None, no opinion, for others."""
        return DATABASE if _is_chats(model._meta.app_label) else None

    db_for_write = db_for_read

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool | None:
        """Allow no relation between a model of the chat and another one: no database could hold it."""
        ours = {_is_chats(each._meta.app_label) for each in (one, other)}
        return None if ours == {False} else ours == {True}

    def allow_migrate(self, database: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool | None:
        """Let the chat's migrations change its database alone, and no others change it.

        A model that stands inside others' documents has no collection: `dumpdata` and `flush` ask here, too.
        """
        from django_mongodb_backend.routers import MongoRouter  # it needs the apps, which import this module

        if MongoRouter().allow_migrate(database, app_label, model_name) is False:
            return False
        if _is_chats(hints.get(STORED_WITH, app_label)):
            return database == DATABASE
        return False if database == DATABASE != DEFAULT_DB_ALIAS else None


def _is_chats(app_label: str) -> bool:
    return getattr(apps.app_configs.get(app_label), "in_chat_database", False)

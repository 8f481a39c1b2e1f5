"""What Django's signals say of users, for the processes that follow them (`SOCKETIO["follow_session"]`)."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save

from socketio_bridge.users.following import are_followed, report_changed, report_ended

_OF_A_LOGIN = frozenset({"last_login"})


def connect() -> None:
    """Listen to the signals of logouts, users, their permissions and their groups."""
    user_logged_out.connect(_logged_out)
    try:
        model: Any = get_user_model()
    except (ImproperlyConfigured, LookupError):
        return  # a project without users
    # The sender is the class by which a user was saved: the model, a proxy of it, or a child.
    for sender in apps.get_models():
        if issubclass(sender, model):
            post_save.connect(_saved, sender=sender)
            post_delete.connect(_deleted, sender=sender)
    for name in ("user_permissions", "groups"):
        if (field := getattr(model, name, None)) is not None:
            m2m_changed.connect(_permissions_changed, sender=field.through)
    groups = getattr(getattr(model, "groups", None), "rel", None)
    if groups is not None and hasattr(groups.model, "permissions"):
        m2m_changed.connect(_permissions_changed, sender=groups.model.permissions.through)


def _logged_out(sender: Any, request: Any, **kwargs: Any) -> None:
    key = getattr(getattr(request, "session", None), "session_key", None)
    if key and are_followed():
        report_ended(key)


def _saved(sender: Any, instance: Any, created: bool, using: str, update_fields: Any = None, **kwargs: Any) -> None:
    if created or (update_fields is not None and _OF_A_LOGIN.issuperset(update_fields)):
        return
    _report(using, str(instance.pk))


def _deleted(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    _report(using, str(instance.pk))


def _permissions_changed(sender: Any, instance: Any, action: str, using: str, **kwargs: Any) -> None:
    if action.startswith("post_"):
        _report(using, *([str(instance.pk)] if isinstance(instance, get_user_model()) else []))


def _report(using: str, *user_ids: str) -> None:
    """Report when the change can be read, and not at all if it is undone."""
    if are_followed():
        transaction.on_commit(partial(report_changed, *user_ids), using=using)

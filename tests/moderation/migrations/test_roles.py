"""The roles, as the migration makes them: what each may, and that nobody with a role touches accounts."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from tests.moderation.conftest import Store

ONLY_LEADS = {
    "moderation.add_messagefilter",
    "moderation.change_messagefilter",
    "moderation.delete_messagefilter",
    "moderation.view_messagefilter",
    "moderation.view_redactedoriginal",
    "moderation.add_legalhold",
    "moderation.change_legalhold",
    "moderation.redact_messages_of_user",
    "moderation.export_auditrecord",
    "moderation.export_person",
    "moderation.erase_person",
}


def permissions(role: str) -> set[str]:
    found = Permission.objects.filter(group__name=role).values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in found}


def test_a_lead_may_what_support_may_and_more(database: Store, roles: None) -> None:
    support, lead = permissions("Support"), permissions("Moderation lead")
    assert lead - support == ONLY_LEADS
    assert support < lead


@pytest.mark.parametrize("role", ["Support", "Moderation lead"])
def test_no_role_touches_accounts_or_writes_rooms_and_messages(database: Store, roles: None, role: str) -> None:
    given = permissions(role)
    assert {permission for permission in given if permission.startswith("conversations.")} == {
        "conversations.view_room", "conversations.view_message",
    }  # fmt: skip
    assert {permission.partition(".")[0] for permission in given} == {"conversations", "moderation"}
    assert not [
        permission for permission in given if permission.endswith("_auditrecord") and "view" not in permission
    ] or (role == "Moderation lead")


def test_they_are_made_where_no_permission_is_yet_and_taken_away(
    database: Store,
    roles: None,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    """As in a new database, where Django makes permissions only after all migrations."""
    try:
        call_command("migrate", "moderation", "0001", verbosity=0)
        assert not Group.objects.filter(name__in=["Support", "Moderation lead"]).exists()
        Permission.objects.filter(content_type__app_label__in=["moderation", "conversations"]).delete()
    finally:
        call_command("migrate", "moderation", verbosity=0)
    assert "moderation.change_report" in permissions("Support")
    names = Permission.objects.filter(content_type__app_label="moderation").values_list("codename", flat=True)
    assert len(names) == len(set(names))
    for model in apps.get_app_config("moderation").get_models():
        for action in model._meta.default_permissions:
            assert f"{action}_{model._meta.model_name}" in names

"""The roles of staff: groups with the least permissions that their work needs. Accounts stay a superuser's affair.

A new database has no permissions yet when this runs, since Django makes them after all migrations; so those of the two
apps are made here, from the models as the migrations have left them. Django then finds them made.
"""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

from persistence.database import STORED_WITH

SUPPORT = {
    "conversations": ("view_room", "view_message"),
    "moderation": (
        "view_report",
        "change_report",
        "view_restriction",
        "add_restriction",
        "change_restriction",
        "close_room",
        "redact_message",
        "view_filterhit",
        "view_heldmessage",
        "change_heldmessage",
        "view_note",
        "add_note",
        "write_as_support",
        "view_auditrecord",
    ),
}
LEAD = {
    "moderation": (
        "view_messagefilter",
        "add_messagefilter",
        "change_messagefilter",
        "delete_messagefilter",
        "view_redactedoriginal",
        "redact_messages_of_user",
        "export_auditrecord",
        "export_person",
        "erase_person",
    ),
}
ROLES = {"Support": (SUPPORT,), "Moderation lead": (SUPPORT, LEAD)}


def make_roles(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.alias
    for label in SUPPORT:
        app = apps.get_app_config(label)
        app.models_module = True  # or Django takes the app for one without models
        create_permissions(app, verbosity=0, using=database, apps=apps)
        app.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    groups = apps.get_model("auth", "Group").objects.using(database)
    for name, parts in ROLES.items():
        group, _ = groups.get_or_create(name=name)
        for part in parts:
            for label, codenames in part.items():
                for codename in codenames:
                    group.permissions.add(permissions.get(content_type__app_label=label, codename=codename))


def remove_roles(apps: Any, schema_editor: Any) -> None:
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    groups.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("moderation", "0001_initial"),
        ("conversations", "0001_initial"),
        ("auth", "0001_initial"),
        ("contenttypes", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_roles, remove_roles, hints={STORED_WITH: "auth"})]

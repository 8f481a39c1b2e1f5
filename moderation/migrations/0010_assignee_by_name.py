"""Who has a report is kept by id and name. The id was an account's key, an ObjectId; the name is the account's.

That reads accounts in the chat's own database, where alone a report could have had one until now.
"""

from typing import Any

from bson import ObjectId
from django.db import migrations, models

from persistence.migration_operations import AddAbsentField


def name_assignees(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.database
    reports = database[apps.get_model("moderation", "Report")._meta.db_table]
    for key in reports.distinct("assignee_id", {"assignee_id": {"$type": "objectId"}}):
        account = database["auth_user"].find_one({"_id": key}, ["username"]) or {}
        named = {"assignee_id": str(key), "assignee_name": account.get("username", "")}
        reports.update_many({"assignee_id": key}, {"$set": named})


def name_no_assignees(apps: Any, schema_editor: Any) -> None:
    reports = schema_editor.connection.database[apps.get_model("moderation", "Report")._meta.db_table]
    for key in reports.distinct("assignee_id", {"assignee_id": {"$type": "string"}}):
        if ObjectId.is_valid(key):
            change = {"$set": {"assignee_id": ObjectId(key)}, "$unset": {"assignee_name": ""}}
            reports.update_many({"assignee_id": key}, change)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0009_info_redacted")]

    operations = [
        AddAbsentField("Report", "assignee_name", models.CharField(blank=True, max_length=200)),
        migrations.RunPython(name_assignees, name_no_assignees),
    ]

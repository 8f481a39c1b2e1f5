"""What the queues of staff are ordered and narrowed by. A report that is there has the priority of its reason alone."""

import datetime
import math
from typing import Any

import django_mongodb_backend.fields
from django.db import migrations, models
from pymongo import UpdateOne

from persistence.migration_operations import AddAbsentField

SEVERITY = {
    "fraud": 4,
    "hate": 4,
    "sexual": 4,
    "harassment": 3,
    "personal_data": 3,
    "prohibited_goods": 3,
    "spam": 2,
    "filter": 2,
}
AT_ONCE = 1000


def weigh(apps: Any, schema_editor: Any) -> None:
    reports = schema_editor.connection.database[apps.get_model("moderation", "Report")._meta.db_table]
    now, changes = datetime.datetime.now(datetime.UTC), []
    for report in reports.find({}, ["created_at", "reason", "outcome"]):
        severity = SEVERITY.get(report.get("reason"), 1)
        came_at = report.get("created_at") or now
        changed = {
            "priority": severity,
            "level": "medium" if severity >= 4 else "low",
            "urgent_at": came_at - datetime.timedelta(hours=4) * math.log2(severity),
            "outcomes": [report["outcome"]] if report.get("outcome") else [],
        }
        changes.append(UpdateOne({"_id": report["_id"]}, {"$set": changed}))
        if len(changes) == AT_ONCE:
            reports.bulk_write(changes, ordered=False)
            changes = []
    if changes:
        reports.bulk_write(changes, ordered=False)


class Migration(migrations.Migration):
    dependencies = [
        ("moderation", "0011_person"),
    ]

    operations = [
        migrations.AddField(
            model_name="report",
            name="level",
            field=models.CharField(
                choices=[("high", "High"), ("medium", "Medium"), ("low", "Low")],
                default="low",
                editable=False,
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="outcomes",
            field=django_mongodb_backend.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("warned", "Warned"),
                        ("redacted", "Redacted"),
                        ("muted", "Muted"),
                        ("banned", "Banned"),
                        ("room_closed", "Room Closed"),
                        ("other", "Other"),
                    ],
                    max_length=16,
                ),
                blank=True,
                default=list,
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="past",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="report",
            name="priority",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="report",
            name="reporters",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        AddAbsentField("Report", "urgent_at", models.DateTimeField(editable=False)),
        migrations.RunPython(weigh, migrations.RunPython.noop),
        AddAbsentField(
            "Restriction", "told", models.TextField(blank=True, help_text="The reason as the user is told it.")
        ),
        AddAbsentField("FilterHit", "held_id", models.CharField(blank=True, max_length=24)),
        migrations.AlterField(
            model_name="auditrecord",
            name="act",
            field=models.CharField(
                choices=[
                    ("report.taken", "Report Taken"),
                    ("report.put_back", "Report Put Back"),
                    ("report.resolved", "Report Resolved"),
                    ("report.dismissed", "Report Dismissed"),
                    ("report.reopened", "Report Reopened"),
                    ("user.muted", "User Muted"),
                    ("user.banned", "User Banned"),
                    ("room.slowed", "Room Slowed"),
                    ("restriction.lifted", "Restriction Lifted"),
                    ("room.closed", "Room Closed"),
                    ("room.reopened", "Room Reopened"),
                    ("message.redacted", "Message Redacted"),
                    ("message.restored", "Message Restored"),
                    ("messages.redacted", "Messages Redacted"),
                    ("info.redacted", "Info Redacted"),
                    ("info.restored", "Info Restored"),
                    ("original.read", "Original Read"),
                    ("held.released", "Held Released"),
                    ("held.dropped", "Held Dropped"),
                    ("filter.created", "Filter Created"),
                    ("filter.changed", "Filter Changed"),
                    ("filter.deleted", "Filter Deleted"),
                    ("note.added", "Note Added"),
                    ("support.wrote", "Support Wrote"),
                    ("audit.exported", "Audit Exported"),
                    ("person.exported", "Person Exported"),
                    ("person.erased", "Person Erased"),
                    ("messages.expired", "Messages Expired"),
                    ("hold.placed", "Hold Placed"),
                    ("hold.lifted", "Hold Lifted"),
                    ("act.not_done", "Not Done"),
                ],
                max_length=32,
            ),
        ),
        migrations.AddIndex(
            model_name="filterhit",
            index=models.Index(fields=["filter_name", "-at"], name="hit_filter"),
        ),
        migrations.AddIndex(
            model_name="heldmessage",
            index=models.Index(fields=["state", "filter_name", "held_at"], name="held_queue_of_filter"),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(fields=["state", "urgent_at"], name="report_urgent"),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(fields=["state", "reason", "urgent_at"], name="report_urgent_of_reason"),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(fields=["state", "level", "urgent_at"], name="report_urgent_of_level"),
        ),
    ]

"""Who had a report when staff were named by their accounts' keys alone has it still."""

from __future__ import annotations

from bson import ObjectId
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from moderation.models import Report
from tests.moderation.conftest import Store


def test_an_assignee_is_named_by_id_and_name(database: Store, roles: None, django_db_blocker: DjangoDbBlocker) -> None:
    mai = User.objects.create_user("mai")
    gone, kept = ObjectId(), {"target_kind": "user", "target_id": "9", "state": "in_review"}
    call_command("migrate", "moderation", "0009", verbosity=0)
    try:
        database.moderation_report.insert_many(
            [{**kept, "assignee_id": mai.pk}, {**kept, "assignee_id": gone}, {**kept, "state": "open"}]
        )
    finally:
        call_command("migrate", "moderation", verbosity=0)
    assert {(report.state, report.assignee_id, report.assignee) for report in Report.objects.all()} == {
        ("in_review", str(mai.pk), "mai"),
        ("in_review", str(gone), str(gone)),
        ("open", None, ""),
    }
    call_command("migrate", "moderation", "0009", verbosity=0)
    try:
        assert set(database.moderation_report.distinct("assignee_id")) >= {mai.pk, gone}
    finally:
        call_command("migrate", "moderation", verbosity=0)

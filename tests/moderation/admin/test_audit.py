"""The audit's pages: they are only read, and leads export what is listed."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import AuditRecord
from tests.moderation.admin.answers import downloaded
from tests.moderation.admin.conftest import restricted
from tests.moderation.conftest import Store, acts


async def test_the_audit_is_exported_as_listed(seven_and_nine: Store, roles: None) -> None:
    restriction = restricted()
    now = timezone.now()
    for user_id in ("9", "7"):
        AuditRecord.objects.create(
            at=now, staff_name="mai", act="user.muted", target_kind="restriction", target_id=str(restriction.pk),
            user_id=user_id, reason="rude",
        )  # fmt: skip
    url = reverse("admin:moderation_auditrecord_export")
    answer, body = await downloaded(f"{url}?q=7", {}, "tuan", "Moderation lead")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    header, *rows = body.strip().splitlines()
    assert header.startswith("at,staff_id,staff_name")
    assert len(rows) == 1 and "user.muted" in rows[0]
    assert acts(seven_and_nine)[-1] == "audit.exported"


def test_support_does_not_export_the_audit(support: Client, seven_and_nine: Store) -> None:
    assert support.post(reverse("admin:moderation_auditrecord_export")).status_code == 403
    assert "as CSV" not in support.get(reverse("admin:moderation_auditrecord_changelist")).text


def test_the_audit_is_only_read(lead: Client, seven_and_nine: Store) -> None:
    record = AuditRecord.objects.create(
        at=timezone.now(), staff_name="mai", act="user.muted", target_kind="user", target_id="9", user_id="9"
    )
    url = reverse("admin:moderation_auditrecord_change", args=[record.pk])
    assert lead.post(url, {"reason": "changed"}).status_code == 403
    assert (
        lead.post(reverse("admin:moderation_auditrecord_delete", args=[record.pk]), {"post": "yes"}).status_code == 403
    )
    assert "_save" not in lead.get(url).text

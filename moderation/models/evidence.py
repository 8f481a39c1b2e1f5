"""What moderation keeps of content: evidence of reports, originals, and revisions; and legal holds."""

from __future__ import annotations

import datetime

from django.db import models
from django_mongodb_backend.fields import ArrayField

from moderation.models.reports import TargetKind
from persistence.fields import ObjectField


class Evidence(models.Model):
    """The content around a report's target when it was reported; its key is the report's.

    `said` has `messages`, the reported one with its neighbours or the latest of the room, and the room's `buyer_info`
    and `shop`. `images` are the uploads that they showed, which are kept as long as the evidence.
    """

    report_id = models.CharField(primary_key=True, db_column="_id", max_length=24)
    room_id = models.CharField(max_length=512, blank=True)
    kept_at = models.DateTimeField()
    said = ObjectField(blank=True)
    images = ArrayField(models.CharField(max_length=64), default=list, blank=True)

    class Meta:
        """`view` is the permission to see it beside the report."""

        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["room_id"], name="evidence_room"),
            models.Index(fields=["kept_at"], name="evidence_kept_at"),
            models.Index(fields=["images"], name="evidence_images"),
        )

    def __str__(self) -> str:
        return f"evidence of report {self.report_id}"


class LegalHold(models.Model):
    """Protects a message, a room, or a user's messages from retention and erasing, until it ends or is lifted.

    `room_id` is the held room, or that of the held message.
    """

    target_kind = models.CharField(max_length=16, choices=TargetKind.choices)
    target_id = models.CharField(max_length=512)
    room_id = models.CharField(max_length=512, blank=True)
    reason = models.TextField()
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=200, blank=True)

    class Meta:
        """`add` is the permission to hold, `change` the one to lift."""

        default_permissions = ("view", "add", "change")
        indexes = (
            models.Index(fields=["-created_at"], name="hold_created_at"),
            models.Index(fields=["room_id", "ends_at"], name="hold_room"),
            models.Index(fields=["target_kind", "target_id", "ends_at"], name="hold_target"),
        )

    def __str__(self) -> str:
        return f"hold on {self.target_kind} {self.target_id}"

    def is_active(self, now: datetime.datetime) -> bool:
        """Whether it is in force at `now`."""
        return self.lifted_at is None and now < self.ends_at


class RedactedOriginal(models.Model):
    """The content of a redacted message. `services.read_original` reads it, which is an audited act."""

    message_id = models.CharField(primary_key=True, db_column="_id", max_length=255)
    room_id = models.CharField(max_length=512)
    sender = models.CharField(max_length=255)
    recipient = models.CharField(max_length=255)
    type = models.CharField(max_length=16)
    content = models.TextField(blank=True)
    image = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 (as in a message)
    redacted_at = models.DateTimeField()
    redacted_by = models.CharField(max_length=200)
    reason = models.TextField(blank=True)

    class Meta:
        """`view` is the permission to read an original, and with `redact_message` to restore one."""

        default_permissions = ("view",)
        permissions = (
            ("redact_message", "Can redact and restore messages"),
            ("redact_messages_of_user", "Can redact a user's recent messages at once"),
        )
        indexes = (
            models.Index(fields=["sender", "-redacted_at"], name="original_sender"),
            models.Index(fields=["image"], name="original_image", condition=models.Q(image__gte="")),
        )

    def __str__(self) -> str:
        return f"original of {self.message_id}"


class Revision(models.Model):
    """The content of a message from `said_at` until it was edited at `replaced_at`."""

    message_id = models.CharField(max_length=255)
    room_id = models.CharField(max_length=512)
    sender = models.CharField(max_length=255)
    type = models.CharField(max_length=16)
    content = models.TextField(blank=True)
    image = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 (as in a message)
    said_at = models.DateTimeField(null=True, blank=True)
    replaced_at = models.DateTimeField()

    class Meta:
        """`view` is the permission to read them, beside reports."""

        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["message_id", "replaced_at"], name="revision_message"),
            models.Index(fields=["sender", "-replaced_at"], name="revision_sender"),
            models.Index(fields=["image"], name="revision_image", condition=models.Q(image__gte="")),
        )

    def __str__(self) -> str:
        return f"{self.message_id} until {self.replaced_at}"

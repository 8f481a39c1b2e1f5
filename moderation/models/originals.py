"""What redacted messages said, kept apart from them."""

from __future__ import annotations

from django.db import models


class RedactedOriginal(models.Model):
    """The content of a redacted message. Read by `services.originals.read_original`, which is an audited act."""

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

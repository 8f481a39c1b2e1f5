"""What messages said before they were edited."""

from __future__ import annotations

from django.db import models


class Revision(models.Model):
    """What one message said until it was edited at `replaced_at`; `said_at`: since when it had said that."""

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

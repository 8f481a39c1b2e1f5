"""Notes: what staff tell each other about a room or a user."""

from __future__ import annotations

from django.db import models

from moderation.models.reports import TargetKind


class Note(models.Model):
    """One note, seen by staff alone."""

    target_kind = models.CharField(
        max_length=16, choices=[(kind.value, kind.label) for kind in (TargetKind.ROOM, TargetKind.USER)]
    )
    target_id = models.CharField(max_length=512)
    text = models.TextField()
    written_at = models.DateTimeField()
    written_by = models.CharField(max_length=200)

    class Meta:
        """Notes are added, not edited."""

        default_permissions = ("view", "add")
        permissions = (("write_as_support", "Can write into rooms as Support"),)
        indexes = (
            models.Index(fields=["target_kind", "target_id", "-written_at"], name="note_target"),
            models.Index(fields=["-written_at"], name="note_written_at"),
        )

    def __str__(self) -> str:
        return self.text[:60]

"""The audit: which member of staff did what, when, from which address, to what, and why. Records are never changed."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from persistence.fields import ObjectField


class Act(models.TextChoices):
    """All acts of staff on people, rooms and messages; reading an original is one, too."""

    REPORT_TAKEN = "report.taken"
    REPORT_PUT_BACK = "report.put_back"
    REPORT_RESOLVED = "report.resolved"
    REPORT_DISMISSED = "report.dismissed"
    REPORT_REOPENED = "report.reopened"
    USER_MUTED = "user.muted"
    USER_BANNED = "user.banned"
    ROOM_SLOWED = "room.slowed"
    RESTRICTION_LIFTED = "restriction.lifted"
    ROOM_CLOSED = "room.closed"
    ROOM_REOPENED = "room.reopened"
    MESSAGE_REDACTED = "message.redacted"
    MESSAGE_RESTORED = "message.restored"
    MESSAGES_REDACTED = "messages.redacted"
    INFO_REDACTED = "info.redacted"
    INFO_RESTORED = "info.restored"
    ORIGINAL_READ = "original.read"
    HELD_RELEASED = "held.released"
    HELD_DROPPED = "held.dropped"
    FILTER_CREATED = "filter.created"
    FILTER_CHANGED = "filter.changed"
    FILTER_DELETED = "filter.deleted"
    NOTE_ADDED = "note.added"
    SUPPORT_WROTE = "support.wrote"
    AUDIT_EXPORTED = "audit.exported"
    PERSON_EXPORTED = "person.exported"
    PERSON_ERASED = "person.erased"
    MESSAGES_EXPIRED = "messages.expired"
    HOLD_PLACED = "hold.placed"
    HOLD_LIFTED = "hold.lifted"
    NOT_DONE = "act.not_done"
    """Of an act that is recorded already: it was refused after all."""


class AppendOnly(RuntimeError):
    """Somebody tried to change or delete an audit record."""


class AuditRecords(models.QuerySet["AuditRecord"]):
    """A query set that refuses to change or delete."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Raises AppendOnly."""
        raise AppendOnly("audit records are never changed")

    def delete(self) -> NoReturn:
        """Raises AppendOnly."""
        raise AppendOnly("audit records are never deleted")


class AuditRecord(models.Model):
    """One act. `room_id` and `user_id` say on whose page it is shown, whatever the target was.

    The member of staff is stored by id and name, not by a foreign key: the record outlives the account. A management
    command has no id; its name is the operating system's user and the command.
    """

    at = models.DateTimeField()
    staff_id = models.CharField(max_length=64, blank=True)
    staff_name = models.CharField(max_length=200)
    address = models.CharField(max_length=64, blank=True)
    act = models.CharField(max_length=32, choices=Act.choices)
    target_kind = models.CharField(max_length=32)
    target_id = models.CharField(max_length=512)
    room_id = models.CharField(max_length=512, blank=True)
    user_id = models.CharField(max_length=255, blank=True)
    before = ObjectField(blank=True)
    after = ObjectField(blank=True)
    reason = models.TextField(blank=True)

    objects = AuditRecords.as_manager()

    class Meta:
        """Nobody adds, changes or deletes by hand, so there are no such permissions."""

        default_permissions = ("view",)
        permissions = (
            ("export_auditrecord", "Can export the audit"),
            ("export_person", "Can export a person's data"),
            ("erase_person", "Can erase a person's data"),
        )
        indexes = (
            models.Index(fields=["-at"], name="audit_at"),
            models.Index(fields=["room_id", "-at"], name="audit_room"),
            models.Index(fields=["user_id", "-at"], name="audit_user"),
            models.Index(fields=["staff_id", "-at"], name="audit_staff"),
            models.Index(fields=["target_kind", "target_id", "-at"], name="audit_target"),
            models.Index(fields=["act", "-at"], name="audit_act"),
        )

    def __str__(self) -> str:
        return f"{Act(self.act).label} by {self.staff_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the record.

        Raises:
            AppendOnly: The record is stored already.
            IntegrityError: Another record has its key.
        """
        if not self._state.adding:
            raise AppendOnly(f"audit record {self.pk} exists: it is never changed")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises AppendOnly."""
        raise AppendOnly(f"audit record {self.pk} is never deleted")

"""Reports of messages, rooms and users; and notes of staff."""

from __future__ import annotations

from typing import Any

from django.db import models
from django_mongodb_backend.fields import ArrayField

from moderation.priority import Level, level_of, priority_of, urgent_at


class TargetKind(models.TextChoices):
    """What can be reported."""

    MESSAGE = "message"
    ROOM = "room"
    USER = "user"


class ReportReason(models.TextChoices):
    """Why something is reported. FILTER is not for users: a filter flagged a message."""

    SPAM = "spam"
    FRAUD = "fraud"
    HARASSMENT = "harassment"
    HATE = "hate"
    SEXUAL = "sexual"
    PROHIBITED_GOODS = "prohibited_goods"
    PERSONAL_DATA = "personal_data"
    OTHER = "other"
    FILTER = "filter"


class ReportState(models.TextChoices):
    """The state of a report. OPEN ones wait for staff, the oldest first; the last two are final."""

    OPEN = "open"
    IN_REVIEW = "in_review"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


UNFINISHED = (ReportState.OPEN, ReportState.IN_REVIEW)


class Outcome(models.TextChoices):
    """What staff did about a resolved report."""

    WARNED = "warned"
    REDACTED = "redacted"
    MUTED = "muted"
    BANNED = "banned"
    ROOM_CLOSED = "room_closed"
    OTHER = "other"


class Report(models.Model):
    """One report. `open_key` is set while it is unfinished, and unique: a reporter has one such report on a target.

    `room_id` is the room it is about: the target, that of the message, or the one that the two users share. `user_id`
    is the user it is about; empty for a room. Who of the staff has it is stored by id and name, not by a foreign key:
    accounts may be in another database.

    `reporters` and `past` are what `priority` was reckoned from, with the reason: how many unfinished reports are on
    the target, and how often staff have found against the user. The queue is in the order of `urgent_at`.
    `outcome` is the gravest of `outcomes`.
    """

    target_kind = models.CharField(max_length=16, choices=TargetKind.choices)
    target_id = models.CharField(max_length=512)
    room_id = models.CharField(max_length=512, blank=True)
    user_id = models.CharField(max_length=255, blank=True)
    reporter = models.CharField(
        max_length=255, help_text="The user's id; for what a filter flagged, the filter's name."
    )
    reason = models.CharField(max_length=32, choices=ReportReason.choices)
    text = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=ReportState.choices, default=ReportState.OPEN)
    assignee_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 (absent is not empty)
    assignee_name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)
    outcomes = ArrayField(models.CharField(max_length=16, choices=Outcome.choices), default=list, blank=True)
    note = models.TextField(blank=True, help_text="What staff say of their decision.")
    open_key = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 (absent is not empty)
    reporters = models.PositiveIntegerField(default=1, editable=False)
    past = models.PositiveIntegerField(default=0, editable=False)
    priority = models.PositiveIntegerField(default=1, editable=False)
    level = models.CharField(max_length=8, choices=Level.choices, default=Level.LOW, editable=False)
    urgent_at = models.DateTimeField(editable=False)

    class Meta:
        """`change` is the permission to work on reports."""

        default_permissions = ("view", "change")
        indexes = (
            models.Index(fields=["state", "urgent_at"], name="report_urgent"),
            models.Index(fields=["state", "reason", "urgent_at"], name="report_urgent_of_reason"),
            models.Index(fields=["state", "level", "urgent_at"], name="report_urgent_of_level"),
            models.Index(fields=["state", "created_at"], name="report_queue"),
            models.Index(fields=["state", "reason", "created_at"], name="report_queue_of_reason"),
            models.Index(fields=["target_kind", "target_id", "state"], name="report_target"),
            models.Index(fields=["room_id", "-created_at"], name="report_room"),
            models.Index(fields=["user_id", "-created_at"], name="report_user"),
            models.Index(fields=["reporter", "state"], name="report_reporter"),
            models.Index(fields=["assignee_id", "state"], name="report_assignee"),
        )
        constraints = (models.UniqueConstraint(fields=["open_key"], name="report_once"),)

    def __str__(self) -> str:
        return f"{self.reason}: {self.target_kind} {self.target_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the report; one that was not weighed yet gets the priority of its reason."""
        if getattr(self, "urgent_at", None) is None:
            self.weigh(self.reporters, self.past)
        super().save(*args, **kwargs)

    def weigh(self, reporters: int, past: int) -> None:
        """Set the priority.

        Args:
            reporters: Unfinished reports on the target, this one included.
            past: How often staff have found against the user.
        """
        self.reporters, self.past = reporters, past
        self.priority = priority_of(self.reason, reporters, past)
        self.level = level_of(self.priority)
        self.urgent_at = urgent_at(self.created_at, self.priority)

    @property
    def assignee(self) -> str:
        """The name of who has it; empty: nobody."""
        return (self.assignee_name or self.assignee_id) if self.assignee_id else ""


class Note(models.Model):
    """One note, which only staff see."""

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

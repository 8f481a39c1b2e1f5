"""Filters, their hits, and held messages."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models

from moderation.matching.checks import problems_of
from moderation.matching.filters import FilterAction, FilterKind


class MessageFilter(models.Model):
    """One filter. It is in force on every process within a second of `services.save_filter`."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=16, choices=FilterKind.choices)
    patterns = models.TextField(blank=True, help_text="One a line.")
    also_without_marks = models.BooleanField(
        default=True, help_text="Of words: “lừa đảo” is found as “lua dao” and “lưa đao”, too, but not as “lửa đào”."
    )
    rooms = models.PositiveIntegerField(null=True, blank=True, help_text="Of a flood: how many rooms are too many.")
    seconds = models.PositiveIntegerField(null=True, blank=True, help_text="Of a flood: within which time.")
    action = models.CharField(max_length=16, choices=FilterAction.choices)
    is_active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(null=True, blank=True, editable=False)
    updated_by = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Check the patterns. ValidationError: some could not be matched safely, by field."""
        if problems := problems_of(self):
            raise ValidationError(problems)


class FilterHit(models.Model):
    """A message that a filter hit. Only of a refused message it has the `text`: others are stored as messages.

    `message_id` is the message that was sent, `held_id` the held message that it became.
    """

    filter_name = models.CharField(max_length=100)
    action = models.CharField(max_length=16, choices=FilterAction.choices)
    at = models.DateTimeField()
    room_id = models.CharField(max_length=512)
    user_id = models.CharField(max_length=255)
    message_id = models.CharField(max_length=255, blank=True)
    held_id = models.CharField(max_length=24, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        """A log: nobody writes it by hand."""

        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["-at"], name="hit_at"),
            models.Index(fields=["room_id", "-at"], name="hit_room"),
            models.Index(fields=["user_id", "-at"], name="hit_user"),
            models.Index(fields=["message_id"], name="hit_message"),
            models.Index(fields=["filter_name", "-at"], name="hit_filter"),
        )

    def __str__(self) -> str:
        return f"{self.filter_name} in {self.room_id}"


class HeldState(models.TextChoices):
    """The decision about a held message."""

    HELD = "held"
    RELEASED = "released"
    DROPPED = "dropped"


class HeldMessage(models.Model):
    """A message that waits for staff; neither side has it. All repeats of it have its `dedup_key`.

    `claimed_at` is when a release or a drop began; one whose process died can be begun again.
    """

    room_id = models.CharField(max_length=512)
    sender = models.CharField(max_length=255)
    recipient = models.CharField(max_length=255)
    type = models.CharField(max_length=16)
    content = models.TextField(blank=True)
    image = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 (as in a message)
    client_message_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 (absent is not empty)
    dedup_key = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 (as above)
    filter_name = models.CharField(max_length=100)
    held_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=HeldState.choices, default=HeldState.HELD)
    claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=200, blank=True)
    message_id = models.CharField(max_length=255, blank=True, help_text="Of the message that it was released as.")

    class Meta:
        """`change` is the permission to release and drop."""

        default_permissions = ("view", "change")
        indexes = (
            models.Index(fields=["state", "held_at"], name="held_queue"),
            models.Index(fields=["state", "filter_name", "held_at"], name="held_queue_of_filter"),
            models.Index(fields=["room_id", "-held_at"], name="held_room"),
            models.Index(fields=["sender", "-held_at"], name="held_sender"),
            models.Index(fields=["image"], name="held_image", condition=models.Q(image__gte="")),
        )
        constraints = (models.UniqueConstraint(fields=["dedup_key"], name="held_once"),)

    def __str__(self) -> str:
        return f"held message of {self.sender} in {self.room_id}"

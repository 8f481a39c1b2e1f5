"""Restrictions of users and rooms."""

from __future__ import annotations

import datetime

from django.db import models
from django.db.models import Q


class RestrictionKind(models.TextChoices):
    """MUTE and BAN restrict a user, SLOW_MODE a room."""

    MUTE = "mute"
    """May read, not write."""
    BAN = "ban"
    """May not connect, nor call the REST API."""
    SLOW_MODE = "slow_mode"
    """Each side may send one message every `interval` seconds."""


class Restrictions(models.QuerySet["Restriction"]):
    """Restrictions by time."""

    def active(self, now: datetime.datetime) -> Restrictions:
        """The restrictions in force at `now`."""
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now), lifted_at__isnull=True)


class Restriction(models.Model):
    """One restriction. It ends at `ends_at` (None: never), or earlier when staff lift it.

    It begins at once, so `starts_at` is nowhere compared: clocks of different machines differ.
    """

    kind = models.CharField(max_length=16, choices=RestrictionKind.choices)
    user_id = models.CharField(max_length=255, blank=True)
    room_id = models.CharField(max_length=512, blank=True)
    interval = models.PositiveIntegerField(null=True, blank=True, help_text="Seconds, of slow mode.")
    reason = models.TextField()
    told = models.TextField(blank=True, help_text="The reason as the user is told it.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=200, blank=True)

    objects = Restrictions.as_manager()

    class Meta:
        """`add` is the permission to restrict, `change` the one to lift."""

        default_permissions = ("view", "add", "change")
        permissions = (("close_room", "Can close and reopen rooms"),)
        indexes = (
            models.Index(fields=["lifted_at", "ends_at"], name="restriction_active"),
            models.Index(fields=["-created_at"], name="restriction_created_at"),
            models.Index(fields=["user_id", "-created_at"], name="restriction_user"),
            models.Index(fields=["room_id", "-created_at"], name="restriction_room"),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id or self.room_id}"

    def is_active(self, now: datetime.datetime) -> bool:
        """Whether it is in force at `now`."""
        return self.lifted_at is None and (self.ends_at is None or now < self.ends_at)

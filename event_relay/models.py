"""The relay's position: one document for each destination, which is also the lease."""

from __future__ import annotations

from django.db import models

from persistence.fields import ObjectField


class RelayPosition(models.Model):
    """How far the database's changes have been relayed to a destination, and which relay holds the lease on it.

    `topic` is the destination's name, which for Kafka is a topic. Only `position.py` writes it.
    """

    topic = models.CharField(primary_key=True, db_column="_id", max_length=255)
    holder = models.CharField(max_length=255, default="", blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    resume_token = ObjectField(blank=True)
    catching_up = ObjectField(blank=True, null=True, default=None)
    ahead = models.JSONField(default=list, blank=True)
    paused = models.CharField(max_length=1000, default="", blank=True)
    relayed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "event_relay_positions"

    def __str__(self) -> str:
        return self.topic

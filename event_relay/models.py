"""Where the relay stands: one document a topic, which is also the lease of the relay at work."""

from __future__ import annotations

from django.db import models

from persistence.fields import ObjectField


class RelayPosition(models.Model):
    """What of the database's changes is in Kafka, and who may go on. Written by `position.py` alone."""

    topic = models.CharField(primary_key=True, db_column="_id", max_length=255)
    holder = models.CharField(max_length=255, default="", blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    resume_token = ObjectField(blank=True)
    catching_up = ObjectField(blank=True, null=True, default=None)
    relayed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A collection of our own."""

        db_table = "event_relay_positions"

    def __str__(self) -> str:
        return self.topic

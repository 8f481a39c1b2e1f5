"""Users of the chat, for the admin. No collection has them: a user is whoever has an id in rooms."""

from __future__ import annotations

from django.db import models


class Person(models.Model):
    """A user of the chat. Nothing is stored: it gives the pages of users their place in an admin."""

    user_id = models.CharField(primary_key=True, max_length=255)

    class Meta:
        managed = False
        default_permissions = ()
        verbose_name = "user of the chat"
        verbose_name_plural = "users of the chat"

    def __str__(self) -> str:
        return self.user_id

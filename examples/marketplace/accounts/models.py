from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """Whoever buys, sells, or works in the back office."""

    display_name = models.CharField(max_length=80, blank=True, help_text="The name that others see.")
    phone = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        return self.display_name or self.username

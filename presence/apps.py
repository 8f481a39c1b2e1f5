"""The Django app of presence."""

from django.apps import AppConfig


class PresenceConfig(AppConfig):
    """No models: what presence knows is in Redis."""

    name = "presence"

    def ready(self) -> None:
        """Declare this app's settings."""
        from presence import configuration  # noqa: F401

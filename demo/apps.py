"""Django's configuration of this app."""

from __future__ import annotations

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demo."""

    name = "demo"

    def ready(self) -> None:
        """Register the checks."""
        from demo import checks  # noqa: F401

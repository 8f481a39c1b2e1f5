"""The Django app."""

from django.apps import AppConfig


class SocketIOBridgeConfig(AppConfig):
    """Registers the bridge's system checks."""

    name = "socketio_bridge"
    verbose_name = "Socket.IO bridge"

    def ready(self) -> None:
        """Import the checks, which registers them."""
        from socketio_bridge import checks  # noqa: F401

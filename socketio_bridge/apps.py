"""The Django app."""

from django.apps import AppConfig


class SocketIOBridgeConfig(AppConfig):
    """Registers the bridge's system checks and signals."""

    name = "socketio_bridge"
    verbose_name = "Socket.IO bridge"

    def ready(self) -> None:
        """Import the checks, which registers them, and listen to Django's signals of users."""
        from socketio_bridge import checks  # noqa: F401
        from socketio_bridge.users import receivers

        receivers.connect()

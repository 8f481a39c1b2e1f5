"""The Django app of the event relay."""

from django.apps import AppConfig


class EventRelayConfig(AppConfig):
    """The app of the event relay: its position, and `manage.py relay_events`."""

    name = "event_relay"
    verbose_name = "Event relay"
    default_auto_field = "django_mongodb_backend.fields.ObjectIdAutoField"
    in_chat_database = True

    def ready(self) -> None:
        """Declare this app's settings and checks."""
        from event_relay.webhooks import checks  # noqa: F401
        from kafka_workers import configuration  # noqa: F401
        from workers import configuration as workers  # noqa: F401

"""The Django app of the event relay."""

from django.apps import AppConfig


class EventRelayConfig(AppConfig):
    """`manage.py relay_events`, and where it stands."""

    name = "event_relay"
    verbose_name = "Event relay"
    default_auto_field = "django_mongodb_backend.fields.ObjectIdAutoField"

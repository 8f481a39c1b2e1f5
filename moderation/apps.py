"""The Django app of moderation."""

from django.apps import AppConfig


class ModerationConfig(AppConfig):
    """The app of moderation. Its policy reaches the chat through POLICIES; the chat does not know it."""

    name = "moderation"
    verbose_name = "Moderation"
    default_auto_field = "django_mongodb_backend.fields.ObjectIdAutoField"
    in_chat_database = True

    def ready(self) -> None:
        """Declare this app's settings, and learn of accounts of staff that are deleted."""
        from moderation import configuration, receivers  # noqa: F401

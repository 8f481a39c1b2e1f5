"""The Django app of rooms and messages."""

from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    """Two collections that existed before us (`cz_rooms`, `cz_messages`) and what is done with them."""

    name = "conversations"
    verbose_name = "Conversations"
    default_auto_field = "django_mongodb_backend.fields.ObjectIdAutoField"
    in_chat_database = True

    def ready(self) -> None:
        """Register the checks."""
        from conversations import checks  # noqa: F401

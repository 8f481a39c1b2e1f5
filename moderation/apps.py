"""The Django app of moderation."""

from django.apps import AppConfig


class ModerationConfig(AppConfig):
    """Its rules reach the chat through CONVERSATION_POLICIES; the chat knows nothing of it."""

    name = "moderation"
    verbose_name = "Moderation"
    default_auto_field = "django_mongodb_backend.fields.ObjectIdAutoField"

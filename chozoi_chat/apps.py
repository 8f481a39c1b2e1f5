"""The project as a Django app (for its checks and commands), and Django's own apps with keys that MongoDB can make."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.apps import AuthConfig
from django.contrib.contenttypes.apps import ContentTypesConfig

OBJECT_ID = "django_mongodb_backend.fields.ObjectIdAutoField"


class ChozoiChatConfig(AppConfig):
    """Registers the system checks of the settings, and which web pages may call the API."""

    name = "chozoi_chat"
    default_auto_field = OBJECT_ID

    def ready(self) -> None:
        """Register the checks and the receivers with Django."""
        # Importing them registers them; before `ready` Django's registry is not there.
        from chozoi_chat import checks, health  # noqa: F401
        from chozoi_chat.http import origins  # noqa: F401
        from chozoi_chat.log_ids import ids_now
        from chozoi_chat.logs import identify_by

        identify_by(ids_now)

        if settings.METRICS_PORT:
            from chozoi_chat.metrics import measure

            measure()


class MongoAdminConfig(AdminConfig):
    """Django's admin with ObjectId keys; its migrations are in `contrib_migrations.admin`, its site is moderation's."""

    default_auto_field = OBJECT_ID
    default_site = "moderation.staff_site.site.StaffSite"


class MongoAuthConfig(AuthConfig):
    """Django's auth with ObjectId keys; its migrations are in `contrib_migrations.auth`."""

    default_auto_field = OBJECT_ID


class MongoContentTypesConfig(ContentTypesConfig):
    """Django's content types with ObjectId keys; their migrations are in `contrib_migrations.contenttypes`."""

    default_auto_field = OBJECT_ID

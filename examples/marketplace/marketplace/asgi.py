import os

from channels.auth import AuthMiddlewareStack
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
django_application = get_asgi_application()

# Only now: these need Django's apps.
from moderation.events import ModeratedConversationEvents  # noqa: E402
from moderation.staff_site.namespace import StaffEvents  # noqa: E402
from socketio_bridge import SocketIOServer  # noqa: E402

sockets = SocketIOServer([ModeratedConversationEvents(), StaffEvents()])
application = AuthMiddlewareStack(sockets.mount("/v1/conversations/sockets", beside=django_application))

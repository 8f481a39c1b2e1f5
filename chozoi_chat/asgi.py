"""The ASGI application: Socket.IO at `SOCKET_PATH`, Django everywhere else."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chozoi_chat.settings")
django_application: Any = get_asgi_application()  # django-stubs type it more narrowly than ASGI is

# Only now: these modules read the settings and the app registry.
from django.conf import settings  # noqa: E402

from auctions.namespaces import AuctionResultEvents, AuctionResultListEvents  # noqa: E402
from chozoi_chat.http.body_limit import limit_bodies  # noqa: E402
from chozoi_chat.http.connection_limit import limit_connections  # noqa: E402
from chozoi_chat.http.origins import with_own_origin  # noqa: E402
from conversations.configuration import ChatSettings  # noqa: E402
from moderation.events import ModeratedConversationEvents  # noqa: E402
from moderation.staff_site.namespace import StaffEvents  # noqa: E402
from socketio_bridge import Namespace, SocketIOServer  # noqa: E402

namespaces: list[Namespace] = [
    ModeratedConversationEvents(),
    StaffEvents(),
    AuctionResultEvents(),
    AuctionResultListEvents(),
]
if settings.TRACES_EXPORTER == "OTLP":
    from chozoi_chat.tracing import trace_events

    trace_events(namespaces)
socketio_server = SocketIOServer(namespaces)
application = limit_connections(
    socketio_server.mount(
        ChatSettings.current().SOCKET_PATH,
        beside=limit_bodies(with_own_origin(django_application), settings.LARGEST_BODY),
    ),
    settings.MAX_CONNECTIONS_PER_ADDRESS,
)

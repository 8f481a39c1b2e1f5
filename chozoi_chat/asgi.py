"""The ASGI application: Django for HTTP, the Socket.IO bridge for `SOCKET_PATH`."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chozoi_chat.settings")

django_application = get_asgi_application()

application = ProtocolTypeRouter({"http": django_application})

"""A Django project of one file, with users, sessions and permissions in SQLite: what the tests of guards serve.

python -m tests.socketio_bridge.users.office migrate
python -m tests.socketio_bridge.users.office serve
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import Any

import django
from django.conf import settings

HERE = "tests.socketio_bridge.users.office"
sys.modules.setdefault(HERE, sys.modules[__name__])  # what the settings name, also when this file is run

settings.configure(
    SECRET_KEY="of no use but in these tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=[
        *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"),
        *("socketio_bridge", "tests.socketio_bridge.users.clerks"),
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE"],
            "OPTIONS": {"timeout": 20},
        }
    },
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [os.environ["REDIS_URL"]], "prefix": "office"},
        }
    },
    SOCKETIO=json.loads(os.environ.get("OPTIONS", "{}")),
    SESSION_FILE_PATH=os.environ.get("SESSIONS"),
    SESSION_ENGINE=os.environ.get("SESSION_ENGINE", "django.contrib.sessions.backends.db"),
    ROOT_URLCONF=HERE,
    ASGI_APPLICATION=f"{HERE}.application",
    USE_TZ=True,
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

# Only now: these need the settings.
from channels.auth import AuthMiddlewareStack  # noqa: E402
from django.contrib.auth import alogout, login, logout  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.permissions import BasePermission, IsAdminUser  # noqa: E402

from socketio_bridge import ConnectionRefused, EventRefused, Namespace, Socket, SocketIOServer, event  # noqa: E402
from socketio_bridge.users import following  # noqa: E402

following.RECHECK = float(os.environ.get("RECHECK", "3600"))


class FromTheOffice(BasePermission):
    """A permission as projects write them: it looks at the request and at the view."""

    message = "only from the office"
    code = "not_from_the_office"

    def has_permission(self, request: Any, view: Any) -> bool:
        return (request.auth.get("place"), request.event, view.path) == ("office", "open_safe", "/orders")


class OrderEvents(Namespace):
    path = "/orders"

    async def on_connect(self, socket: Socket) -> None:
        if socket.user is None or not (socket.user.is_authenticated or "guest" in socket.handshake.auth):
            raise ConnectionRefused("Log in first", {"code": "anonymous"})

    @event("cancel", permission="auth.delete_user")
    async def cancel(self, socket: Socket, number: int) -> str:
        return f"order {number} is cancelled"

    @event("audit", permission=IsAdminUser)
    async def audit(self, socket: Socket) -> str:
        return "audited"

    @event("open_safe", permission=FromTheOffice)
    async def open_safe(self, socket: Socket) -> str:
        return "open"

    @event("open_door", permission=IsAdminUser | FromTheOffice)
    async def open_door(self, socket: Socket) -> str:
        return "open"

    @event("ring", rate="3/m")
    async def ring(self, socket: Socket) -> str:
        return "rung"

    @event("ship")
    async def ship(self, socket: Socket, number: int) -> str:
        raise EventRefused("order_shipped", f"order {number} has left")


class StaffEvents(Namespace):
    """For those who may see users."""

    path = "/staff"
    permission = "auth.view_user"


class PoliteEvents(Namespace):
    """Says why, and lets clients come back."""

    path = "/polite"

    async def on_session_end(self, socket: Socket, reason: following.Lapse) -> None:
        await socket.emit("sorry", reason)
        socket.reconnect()


async def by_token(socket: Socket) -> None:
    socket.user = await User.objects.filter(username=socket.handshake.auth.get("token")).afirst()


class TokenEvents(Namespace):
    """Whose clients have no sessions."""

    path = "/tokens"
    connect_middleware = (by_token,)
    permission = "auth.view_user"


async def leave_asynchronously(request: HttpRequest) -> HttpResponse:
    """Log out, in a coroutine."""
    await alogout(request)
    return HttpResponse()


def enter(request: HttpRequest, name: str) -> HttpResponse:
    """Log in."""
    login(request, User.objects.get(username=name))
    return HttpResponse(request.session.session_key)


def leave(request: HttpRequest) -> HttpResponse:
    """Log out."""
    logout(request)
    return HttpResponse()


def run(request: HttpRequest) -> HttpResponse:
    """Run what the body says, in a view of this process."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(request.body.decode(), {"request": request})
    return HttpResponse(said.getvalue())


urlpatterns = [
    path("enter/<name>", enter),
    path("leave", leave),
    path("aleave", leave_asynchronously),
    path("run", run),
]
server = SocketIOServer([OrderEvents(), StaffEvents(), PoliteEvents(), TokenEvents()])
application = server.mount("/socket.io", beside=get_asgi_application(), middleware=AuthMiddlewareStack)

if __name__ == "__main__":
    if sys.argv[1] == "serve":
        import uvicorn

        uvicorn.run(application, host="127.0.0.1", port=int(os.environ["PORT"]), **server.options.for_uvicorn())
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)

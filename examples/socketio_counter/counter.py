"""One counter for all visitors: the bridge in a Django project of one file (socketio_bridge/docs/guide.md).

    python examples/socketio_counter/counter.py migrate
    python examples/socketio_counter/counter.py serve

REDIS_URL (redis://127.0.0.1:6379/0) lets several of these processes be one; without it there is one.
"""

import os
import sys
from pathlib import Path
from typing import Any

import django
from django.conf import settings

HERE = Path(__file__).resolve().parent
REDIS_URL = os.environ.get("REDIS_URL", "")
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))  # where socketio_bridge is, as long as it is not installed
    sys.modules["counter"] = sys.modules[__name__]  # what the settings name, also when this file is run

layer: dict[str, Any] = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
cache: dict[str, Any] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
if REDIS_URL:
    layer = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "counter"},
    }
    cache = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}

settings.configure(
    DEBUG=True,
    SECRET_KEY=os.environ.get("SECRET_KEY", "of no use but on the machine where this example is tried out"),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "socketio_bridge",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [HERE],
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("DATABASE", str(HERE / "counter.sqlite3")),
        }
    },
    CACHES={"default": cache},
    CHANNEL_LAYERS={"default": layer},
    ROOT_URLCONF="counter",
    ASGI_APPLICATION="counter.application",
)
django.setup()

# Only now: these need the settings.
import msgspec  # noqa: E402
from asgiref.sync import sync_to_async  # noqa: E402
from channels.auth import AuthMiddlewareStack  # noqa: E402
from django.contrib.auth import login  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.cache import cache as shared  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import redirect, render  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.http import require_POST  # noqa: E402

from socketio_bridge import ConnectionRefused, Namespace, Socket, SocketIOServer, emit_sync, event  # noqa: E402

COUNTER = "/counter"


class Step(msgspec.Struct):
    """By how much a visitor moves the counter."""

    by: int


class CounterEvents(Namespace):
    """What visitors do over their sockets."""

    path = COUNTER

    async def on_connect(self, socket: Socket) -> None:
        """Let those in who have logged in, as `AuthMiddlewareStack` knows from their session."""
        user = socket.handshake.scope["user"]
        if not user.is_authenticated:
            raise ConnectionRefused("Log in first", {"code": "anonymous"})
        socket.data.name = user.get_username()
        await socket.emit("count", await shared.aget("count", 0))

    @event("step")
    async def step(self, socket: Socket, step: Step) -> int:
        """Move the counter and show it to all others; the visitor has the answer."""
        count = await sync_to_async(move)(step.by)
        await socket.broadcast("count", count, socket.data.name)
        return count


def move(by: int) -> int:
    """Move the counter, whatever other processes do to it meanwhile; where it stands now."""
    shared.add("count", 0, timeout=None)
    return shared.incr("count", by)


def page(request: HttpRequest) -> HttpResponse:
    """The page, for visitors with a name; a form that asks for one, for others."""
    return render(request, "counter.html", {"namespace": COUNTER})


@require_POST
def enter(request: HttpRequest) -> HttpResponse:
    """Log in under any name; a real project asks for a password."""
    user, _ = User.objects.get_or_create(username=request.POST["name"])
    login(request, user)
    return redirect("page")


@require_POST
def reset(request: HttpRequest) -> HttpResponse:
    """Begin anew, and show it to everybody: a view emits as handlers do."""
    shared.set("count", 0, timeout=None)
    emit_sync("count", 0, request.user.get_username(), to=None, namespace=COUNTER)
    return HttpResponse(status=204)


urlpatterns = [path("", page, name="page"), path("enter", enter), path("reset", reset)]

server = SocketIOServer([CounterEvents()])
application = server.mount("/socket.io", beside=get_asgi_application(), middleware=AuthMiddlewareStack)


def serve(port: int) -> None:
    """Serve on 127.0.0.1 until Ctrl-C."""
    import uvicorn

    uvicorn.run(application, host="127.0.0.1", port=port, **server.options.for_uvicorn())


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(os.environ.get("PORT", "8000")))
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)

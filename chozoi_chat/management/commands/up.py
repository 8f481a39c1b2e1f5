"""`manage.py up`, which is `make run`: the whole system on one machine, from nothing."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chozoi_chat.embedded import EmbeddedMongoDB, EmbeddedRedis, EmbeddedStore, StoreNotStarted, free_port, is_free
from chozoi_chat.embedded.running import (
    MONGODB_PORT,
    REDIS_PORT,
    AlreadyRunning,
    Running,
    announce,
    claim,
    last_announced,
)
from chozoi_chat.supervisor import ServerNotStarted, Supervisor

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where a server that listens everywhere is found


class Command(BaseCommand):
    help = (
        "Start MongoDB and Redis (embedded; not where MONGODB_URI or REDIS_ADDRESS name others), migrate, make the "
        "demo the first time, and serve. Ctrl-C stops all of it."
    )

    def handle(self, **options: Any) -> None:
        try:
            lock = claim(settings.DATA_DIR)
        except AlreadyRunning as error:
            raise CommandError(str(error)) from error
        with lock:
            try:
                self._run()
            except (StoreNotStarted, ServerNotStarted) as error:
                raise CommandError(str(error)) from error

    def _run(self) -> None:
        before = last_announced(settings.DATA_DIR)
        mongodb = (
            EmbeddedMongoDB(settings.DATA_DIR, _port(before.mongodb, MONGODB_PORT))
            if settings.MONGODB_EMBEDDED
            else None
        )
        redis = EmbeddedRedis(settings.DATA_DIR, _port(before.redis, REDIS_PORT)) if settings.REDIS_EMBEDDED else None
        stores: list[EmbeddedStore] = [store for store in (mongodb, redis) if store]
        environment = {
            "MONGODB_URI": mongodb.address if mongodb else settings.MONGODB_URI,
            "REDIS_ADDRESS": redis.address if redis else settings.REDIS_URL,
        }
        with Supervisor(settings.BASE_DIR, settings.DATA_DIR, stores, environment, self._say) as supervisor:
            supervisor.start_stores()
            announce(settings.DATA_DIR, Running(mongodb.address if mongodb else "", redis.address if redis else ""))
            if supervisor.run("migrate", "--verbosity", "0") != 0:
                raise CommandError("The migrations failed; what they say about it is above.")
            if (
                mongodb and supervisor.run("seed_demo", "--once") != 0
            ):  # embedded only: another database is not ours to fill
                raise CommandError("The demo could not be made; what it says about it is above.")
            if not is_free(settings.PORT):
                raise CommandError(f"Port {settings.PORT} is in use by another program. Set PORT to a free one.")
            host = ANY_ADDRESS.get(settings.HOST, settings.HOST)
            supervisor.start_server(host, settings.PORT)
            self._welcome(host, environment)
            supervisor.watch()

    def _welcome(self, host: str, stores: dict[str, str]) -> None:
        site = f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}"
        manage = f"{os.path.relpath(sys.executable)} manage.py"
        self._say(
            f"\nServing at {site}\n"
            f"  Socket.IO  path {settings.SOCKET_PATH}, namespace {settings.MESSENGER_NAMESPACE}\n"
            f"  Admin      {site}/admin/\n"
            f"  A token    {manage} issue_token --user-id 7 --role BUYER\n"
            f"  MongoDB    {_without_password(stores['MONGODB_URI'])}{_embedded(settings.MONGODB_EMBEDDED)}\n"
            f"  Redis      {_without_password(stores['REDIS_ADDRESS'])}{_embedded(settings.REDIS_EMBEDDED)}\n"
            "Ctrl-C stops everything.\n"
        )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _port(address_before: str, usual: int) -> int:
    """The port of the last run, so that tools pointed at it still find it; else the usual one; else any free one."""
    return free_port(urlsplit(address_before).port or usual)


def _embedded(embedded: bool) -> str:
    return f"  (embedded, data in {_short(settings.DATA_DIR)})" if embedded else ""


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if not parts.password:
        return url
    return parts._replace(netloc=f"{parts.username}:…@{parts.netloc.rsplit('@', 1)[-1]}").geturl()

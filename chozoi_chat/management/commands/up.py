"""`manage.py up`, which is `make run`: the whole system on one machine, from nothing."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis import Redis

from chozoi_chat.checks import is_loopback
from chozoi_chat.running_stores import AlreadyRunning, StoreAddresses, lock_data_dir, save_addresses, saved_addresses
from chozoi_chat.unreachable import explained
from devstack.embedded import (
    EmbeddedKafka,
    EmbeddedMongoDB,
    EmbeddedRedis,
    EmbeddedStore,
    StoreNotStarted,
    free_port,
    is_free,
)
from devstack.embedded.child_process import PRIVATE
from devstack.supervisor import ServerNotStarted, Supervisor, writer_to
from persistence.addresses import without_password
from persistence.configuration import value_of

# Where the stores listen unless something else does already. Not MongoDB's and Redis' own ports: those may be in use.
MONGODB_PORT, REDIS_PORT = 27717, 6479
_IDENTITY_PROVIDERS = ("AUTH_JWT_KEY", "AUTH_JWKS_URL", "AUTH_INTROSPECTION_URL")
SPARE = 5  # seconds that a process which ends by its own deadline has before it is killed
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where a server that listens everywhere is found


class Command(BaseCommand):
    help = (
        "Start MongoDB and Redis (embedded; not where MONGODB_URI or REDIS_ADDRESS name others), migrate, make the "
        "demo the first time, and serve. Ctrl-C stops all of it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--kafka",
            action="store_true",
            help="start a Kafka to try things with, too, unless KAFKA_BOOTSTRAP_SERVERS names one; it keeps nothing",
        )

    def handle(self, *, kafka: bool, **options: Any) -> None:
        os.umask(PRIVATE)
        try:
            lock = lock_data_dir(settings.DATA_DIR)
        except AlreadyRunning as error:
            raise CommandError(str(error)) from error
        with lock:
            try:
                self._run(kafka)
            except (StoreNotStarted, ServerNotStarted) as error:
                raise CommandError(str(error)) from error

    def _run(self, with_kafka: bool) -> None:
        if not settings.REDIS_EMBEDDED:
            with explained(), Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2) as redis:
                redis.ping()
        before = saved_addresses(settings.DATA_DIR)
        mongodb = (
            EmbeddedMongoDB(settings.DATA_DIR, _port(before.mongodb) or MONGODB_PORT)
            if settings.MONGODB_EMBEDDED
            else None
        )
        redis = EmbeddedRedis(settings.DATA_DIR, _port(before.redis) or REDIS_PORT) if settings.REDIS_EMBEDDED else None
        brokers, registry = value_of("KAFKA_BOOTSTRAP_SERVERS"), value_of("SCHEMA_REGISTRY_URL")
        kafka = EmbeddedKafka(settings.DATA_DIR) if with_kafka and not brokers else None
        stores: list[EmbeddedStore] = [store for store in (mongodb, redis, kafka) if store]

        def addresses() -> dict[str, str]:
            running = StoreAddresses(
                mongodb=mongodb.address if mongodb else "",
                redis=redis.address if redis else "",
                kafka=kafka.bootstrap_servers if kafka and kafka.answers() else "",
                schema_registry=kafka.address if kafka else "",
            )
            save_addresses(settings.DATA_DIR, running)
            return {
                "DEMO": str(_with_demo()),
                **_recovery(),
                "MONGODB_URI": running.mongodb or settings.MONGODB_URI,
                "MONGODB_ENGINE": settings.MONGODB_ENGINE,
                "REDIS_ADDRESS": running.redis or settings.REDIS_URL,
                "KAFKA_BOOTSTRAP_SERVERS": running.kafka or brokers,
                "SCHEMA_REGISTRY_URL": running.schema_registry or registry,
            }

        workers = _workers(
            brokers=bool(kafka or brokers), registry=bool(kafka or registry), webhooks=bool(value_of("WEBHOOKS"))
        )
        say = writer_to(self.stdout)
        patience = settings.SHUTDOWN_WINDOW + SPARE
        with Supervisor(
            settings.BASE_DIR, settings.DATA_DIR, stores, addresses, say, workers, stop_timeout=patience
        ) as supervisor:
            supervisor.server.end_left_over()
            if not is_free(settings.PORT):
                raise CommandError(f"Port {settings.PORT} is in use by another program. Set PORT to a free one.")
            supervisor.start_stores()
            if supervisor.run("migrate", "--verbosity", "0") != 0:
                raise CommandError("The migrations failed; what they say about it is above.")
            if (
                mongodb and supervisor.run("seed_demo", "--once") != 0
            ):  # embedded only: another database is not ours to fill
                raise CommandError("The demo could not be made; what it says about it is above.")
            host = ANY_ADDRESS.get(settings.HOST, settings.HOST)
            supervisor.start_server(host, settings.PORT)
            supervisor.start_workers()
            say(self._welcome(host, supervisor.environment, workers))
            supervisor.watch()

    def _welcome(self, host: str, stores: dict[str, str], workers: list[list[str]]) -> str:
        site = _site(host, settings.PORT)
        demo = f"  Demo       {site}/\n" if _with_demo() else ""
        manage = f"{os.path.relpath(sys.executable)} manage.py"
        return (
            f"\nServing at {site}\n"
            f"{demo}"
            f"  Socket.IO  path {value_of('SOCKET_PATH')}, namespace {value_of('MESSENGER_NAMESPACE')}\n"
            f"  Admin      {site}/admin/\n"
            f"  A token    {manage} issue_token --user-id 7 --role BUYER\n"
            f"  MongoDB    {without_password(stores['MONGODB_URI'])}{_embedded(settings.MONGODB_EMBEDDED)}\n"
            f"  Redis      {without_password(stores['REDIS_ADDRESS'])}{_embedded(settings.REDIS_EMBEDDED)}\n"
            f"{self._kafka(stores, workers)}"
            f"{_states(host, workers)}"
            f"{self._auction(workers, manage)}"
            "Ctrl-C stops everything.\n"
        )

    def _kafka(self, stores: dict[str, str], workers: list[list[str]]) -> str:
        if not any(command[0] == "relay_events" for command in workers):
            return ""
        return f"  Kafka      {stores['KAFKA_BOOTSTRAP_SERVERS']}  (docs/kafka.md)\n"

    def _auction(self, workers: list[list[str]], manage: str) -> str:
        if not any(command[0] == "consume_auction_results" for command in workers):
            return ""
        return f"  An auction {manage} publish_auction_results\n"


def _with_demo() -> bool:
    """Whether `/` is the demo. Where DEMO says nothing it is, if only this machine sees it and nobody real is in it."""
    if os.environ.get("DEMO", "").strip():
        return settings.DEMO
    return settings.MONGODB_EMBEDDED and is_loopback(settings.HOST) and not any(map(value_of, _IDENTITY_PROVIDERS))


def _recovery() -> dict[str, str]:
    """What lets the demo show connection state recovery, where nothing is said about that."""
    name = "MAX_DISCONNECTION_DURATION"
    return {name: "120"} if _with_demo() and not os.environ.get(name, "").strip() else {}


def _port(address_before: str) -> int | None:
    """The port of the last run, so that tools pointed at it still find it."""
    return urlsplit(address_before).port


def _workers(*, brokers: bool, registry: bool, webhooks: bool) -> list[list[str]]:
    """What runs beside the server, each with a port for its state."""
    commands = ["relay_events"] if brokers else []
    if brokers and registry:
        commands.append("consume_auction_results")
    if webhooks:
        commands.append("relay_webhooks")
    return [[command, "--status-port", str(free_port())] for command in commands]


def _states(host: str, workers: list[list[str]]) -> str:
    """Where each worker serves its state, a line for each."""
    return "".join(f"  Worker     {command[0]}: {_site(host, int(command[-1]))}/readyz\n" for command in workers)


def _site(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _embedded(embedded: bool) -> str:
    return f"  (embedded, data in {_short(settings.DATA_DIR)})" if embedded else ""


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)

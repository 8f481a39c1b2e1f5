"""MongoDB, Redis and Kafka for a machine that has none: processes of their own, on loopback, data in a directory.

For development, demos and tests. The application imports nothing of it, and nothing here knows Django.
"""

from devstack.embedded.child_process import ChildProcess
from devstack.embedded.kafka import EmbeddedKafka
from devstack.embedded.mongodb import EmbeddedMongoDB
from devstack.embedded.ports import free_port, is_free, reserve_port
from devstack.embedded.redis import EmbeddedRedis
from devstack.embedded.store import EmbeddedStore, StoreNotStarted

__all__ = [
    "ChildProcess",
    "EmbeddedKafka",
    "EmbeddedMongoDB",
    "EmbeddedRedis",
    "EmbeddedStore",
    "StoreNotStarted",
    "free_port",
    "is_free",
    "reserve_port",
]

"""MongoDB, Redis and Kafka for a machine that has none: processes of their own, on loopback, data in a directory.

For development, demos and tests. Nothing here is imported by the application itself, and nothing here knows Django.
"""

from chozoi_chat.embedded.child_process import ChildProcess
from chozoi_chat.embedded.kafka import EmbeddedKafka
from chozoi_chat.embedded.mongodb import EmbeddedMongoDB
from chozoi_chat.embedded.ports import free_port, is_free
from chozoi_chat.embedded.redis import EmbeddedRedis
from chozoi_chat.embedded.store import EmbeddedStore, StoreNotStarted

__all__ = [
    "ChildProcess",
    "EmbeddedKafka",
    "EmbeddedMongoDB",
    "EmbeddedRedis",
    "EmbeddedStore",
    "StoreNotStarted",
    "free_port",
    "is_free",
]

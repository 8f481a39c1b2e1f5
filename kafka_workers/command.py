"""A `manage.py` command that runs a Kafka worker."""

from __future__ import annotations

from typing import ClassVar

from kafka_workers.clients import require_kafka, require_registry
from workers.worker_command import WorkerCommand


class KafkaCommand(WorkerCommand):
    """Base of the commands that need Kafka.

    Attributes:
        needs_registry: Whether it cannot work without a schema registry.
    """

    needs_registry: ClassVar[bool] = False

    def require(self) -> None:
        """CommandError: the settings name no Kafka, or no schema registry that it needs."""
        require_kafka()
        if self.needs_registry:
            require_registry()

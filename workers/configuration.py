"""The keys of `settings.CONVERSATIONS` that are about worker processes."""

from __future__ import annotations

from persistence.configuration import Section


class WorkerSettings(Section, frozen=True, kw_only=True):
    """How a worker stops, and where it tells its state.

    Attributes:
        SHUTDOWN_WINDOW: Seconds from SIGTERM to the end of a worker, if it has not ended before.
        WORKER_STATUS_HOST: The address that a worker tells its state at.
        WORKER_STATUS_PORT: The port that a worker tells its state at; 0: none.
    """

    SHUTDOWN_WINDOW: int = 20
    WORKER_STATUS_HOST: str = "127.0.0.1"
    WORKER_STATUS_PORT: int = 0

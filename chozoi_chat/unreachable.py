"""Advice in place of a traceback when a command cannot use MongoDB or Redis."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import redis.exceptions
from pymongo.errors import ServerSelectionTimeoutError

from persistence.addresses import without_password


@contextmanager
def explained() -> Iterator[None]:
    """Exit with an explanation when the block fails because of a store.

        with explained():
            migrate()

    Raises:
        SystemExit: With the explanation, which Python prints, and status 1.
        Exception: Any other error of the block, as it is.
    """
    try:
        yield
    except Exception as error:
        explanation = explain(error)
        if explanation is None:
            raise
        sys.exit(explanation)


def explain(error: BaseException) -> str | None:
    """Explain an error of a store for people at a terminal, without passwords.

    Args:
        error: The error. Its causes and contexts are looked at, too.

    Returns:
        What to do about a store that does not answer or is too old; None for any other error.
    """
    from django.conf import settings

    from persistence.engine.server import UnsupportedMongoDB

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, UnsupportedMongoDB):
            return str(cause)
        if isinstance(cause, ServerSelectionTimeoutError):
            return _advice("MongoDB", "MONGODB_URI", settings.MONGODB_URI, settings.MONGODB_EMBEDDED)
        if isinstance(cause, redis.exceptions.ConnectionError | redis.exceptions.TimeoutError):
            return _advice("Redis", "REDIS_ADDRESS", settings.REDIS_URL, settings.REDIS_EMBEDDED)
        cause = cause.__cause__ or cause.__context__
    return None


def _advice(store: str, name: str, address: str, embedded: bool) -> str:
    if embedded:
        return (
            f"{store} does not run: {name} is not set and no embedded {store} runs for this DATA_DIR.\n"
            f"Start the server in another terminal with `make run`, or set {name} to the address of a running {store}."
        )
    where = without_password(address).rpartition("@")[2].rpartition("://")[2]
    return f"{store} does not answer at {where}, which is what {name} names: is it right, and does {store} run there?"

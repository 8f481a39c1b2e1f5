"""`python -m devstack [DIRECTORY]`: an embedded MongoDB and Redis for a project of its own, until a signal to stop."""

import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from devstack.embedded import EmbeddedMongoDB, EmbeddedRedis, StoreNotStarted

CHECKOUT = Path(__file__).resolve().parents[1]
POLL_INTERVAL = 0.5  # seconds between two looks at the stores


def main(directory: Path) -> None:
    """Start both stores, say which variables name them, and wait.

    Args:
        directory: Where their data are kept.

    Raises:
        StoreNotStarted: One did not start. Neither runs any more then.
        SystemExit: A signal asked to stop, or a store ended.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit())
    mongodb, redis = EmbeddedMongoDB(directory, 27017), EmbeddedRedis(directory, 6379)
    with ExitStack() as running:
        for store in (mongodb, redis):
            running.callback(store.stop)
            store.start()
        sys.stdout.write(
            f"export MONGODB_URI={mongodb.address} REDIS_URL={redis.address}\n"
            f"export MONGODB_ENGINE=devstack.engine PYTHONPATH={CHECKOUT}  # this MongoDB's own, in this checkout\n"
            f"Data: {directory}. Ctrl-C stops both.\n"
        )
        sys.stdout.flush()
        while mongodb.alive() and redis.alive():
            time.sleep(POLL_INTERVAL)
        ended = redis if mongodb.alive() else mongodb
        sys.exit(f"{ended.name} has ended; see {ended.log}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else ".data/stores").resolve())
    except StoreNotStarted as error:
        sys.exit(str(error))

"""Fixtures of the webhooks' tests: `manage.py relay_webhooks` as processes, and receivers."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from tests.event_relay.webhooks.receiver import SECRET
from tests.workers.worker_process import WorkerProcess

_numbers = itertools.count(1)
NewWorker = Callable[..., WorkerProcess]


@pytest.fixture
def endpoint() -> str:
    """The name of an endpoint of the test's own, and with it a position."""
    return f"endpoint-{next(_numbers)}"


@pytest.fixture
def new_worker(database: Database[dict[str, Any]], endpoint: str, tmp_path: Path) -> Iterator[NewWorker]:
    """Makes worker processes for the test's endpoint, at an address; further settings by keyword."""
    made: list[WorkerProcess] = []
    address = f"{os.environ['MONGODB_URI'].rsplit('/', 1)[0]}/{database.name}"

    def new(url: str, types: list[str], **settings: str) -> WorkerProcess:
        webhooks = {endpoint: {"url": url, "secrets": [SECRET], "types": types}}
        environment = {"WEBHOOKS": json.dumps(webhooks), "MONGODB_URI": address, **settings}
        made.append(WorkerProcess("relay_webhooks", tmp_path / f"worker{len(made)}.log", environment))
        return made[-1]

    yield new
    for worker in made:
        worker.stop()

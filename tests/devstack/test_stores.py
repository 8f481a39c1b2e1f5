"""`make stores`: the stores alone, for a project elsewhere."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pymongo
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.devstack.up_process import PROJECT, hear_ctrl_c
from tests.eventually import eventually_sync


@pytest.mark.slow
def test_it_names_stores_that_answer_and_stops_both(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "devstack", str(tmp_path / "data")],
            cwd=PROJECT,
            stdout=output,
            stderr=output,
            preexec_fn=hear_ctrl_c,
        )
    try:
        eventually_sync(lambda: process.poll() is not None or "Ctrl-C" in log.read_text(), "both run")
        assert process.poll() is None, log.read_text()
        named = dict(re.findall(r"([A-Z_]+)=(\S+)", log.read_text()))
        assert (named["MONGODB_ENGINE"], named["PYTHONPATH"]) == ("devstack.engine", str(PROJECT))
        with pymongo.MongoClient[dict[str, object]](named["MONGODB_URI"]) as mongodb:
            assert mongodb.admin.command("ping")["ok"]
        with Redis.from_url(named["REDIS_URL"]) as redis:
            assert redis.ping()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert process.returncode == 0, log.read_text()
    with pytest.raises(RedisConnectionError, match="refused"), Redis.from_url(named["REDIS_URL"]) as redis:
        redis.ping()

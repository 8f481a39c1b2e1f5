"""`manage.py relay_webhooks` as a process, from the session's MongoDB to a receiver over HTTPS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from tests.event_relay.chat import Chat, now
from tests.event_relay.webhooks.conftest import NewWorker
from tests.event_relay.webhooks.receiver import HANG, SECRET, certified, receiving
from tests.eventually import eventually_sync
from tests.workers.worker_process import PROJECT

pytestmark = pytest.mark.slow

MESSAGES = ["message.created", "messages.seen", "message.redacted"]


@pytest.fixture
def chat(database: Database[dict[str, Any]]) -> Chat:
    return Chat(database)


def free_lease(chat: Chat, endpoint: str) -> None:
    """As if it had run out, which takes ten seconds."""
    chat.database.event_relay_positions.update_one({"_id": f"webhook:{endpoint}"}, {"$set": {"holder": ""}})


def test_after_a_kill_between_delivery_and_position_repeats_carry_the_same_ids(
    new_worker: NewWorker, chat: Chat, tmp_path: Path, endpoint: str
) -> None:
    """Over HTTPS, by a certificate that the environment names; what the chat does is told in the order it happened."""
    certificate = certified(tmp_path)
    with receiving(certificate=certificate) as receiver:
        worker = new_worker(receiver.url, MESSAGES, SSL_CERT_FILE=str(certificate))
        worker.start_ready()
        begun = chat.database.event_relay_positions.find_one({"_id": f"webhook:{endpoint}"})
        assert begun is not None and begun["resume_token"], "or who is killed in the first second would begin anew"
        chat.create()
        first = chat.say(*map(str, range(10)))
        eventually_sync(lambda: len(receiver.taken) == 10, "the first messages arrive")
        receiver.answer = lambda event: HANG if event["data"]["content"] == "14" else 200
        chat.say(*map(str, range(10, 20)))
        eventually_sync(lambda: len(receiver.taken) == 14, "those before the one that hangs arrive")
        worker.kill()
        free_lease(chat, endpoint)
        receiver.answer = lambda event: 200
        receiver.released.set()
        worker.start()
        chat.see()
        chat.change_message(first[0], redacted_at=now())
        eventually_sync(lambda: receiver.taken[-1]["type"] == "message.redacted", "all of it arrives")
        messages = [event for event in receiver.taken if event["type"] == "message.created"]
        assert receiver.contents(chat.id)[:20] == list(map(str, range(20)))
        assert len({event["id"] for event in messages}) == 20
        assert len(messages) >= 21, "what was taken before the kill, and not yet in the position, comes again"
        types = list(dict.fromkeys(event["type"] for event in receiver.taken))
        assert types == ["message.created", "messages.seen", "message.redacted"]
        assert worker.stop() == 0
        for secret in (SECRET, "not-for-logs"):
            assert secret not in worker.output


def test_a_certificate_that_nobody_vouches_for_gets_nothing(
    new_worker: NewWorker, chat: Chat, tmp_path: Path, endpoint: str
) -> None:
    with receiving(certificate=certified(tmp_path)) as receiver:
        worker = new_worker(receiver.url, MESSAGES)
        worker.start_ready()
        chat.say("for the receiver alone")
        eventually_sync(lambda: worker.summary()["status"] != "ok", "it is told")
        [problem] = worker.summary()["problems"].values()
        assert "CERTIFICATE_VERIFY_FAILED" in problem
        eventually_sync(lambda: worker.summary()["lag"].get(f"{endpoint}: seconds", 0) > 0, "the lag grows")
        assert receiver.came == []
        worker.kill()  # or it would try for as long as it may


def test_an_endpoint_that_is_gone_is_paused_until_it_is_resumed_and_then_gets_everything(
    new_worker: NewWorker, chat: Chat, endpoint: str
) -> None:
    with receiving() as receiver:
        receiver.answer = lambda event: 410
        worker, other = new_worker(receiver.url, MESSAGES), new_worker(receiver.url, MESSAGES)
        worker.start_ready()
        other.start()
        chat.say("first")
        eventually_sync(lambda: worker.summary()["state"] == f"{endpoint}: paused", "it is paused")
        assert worker.summary()["problems"] == {f"{endpoint}: paused": "answered 410"}
        chat.say("second")
        worker.kill()
        free_lease(chat, endpoint)
        eventually_sync(lambda: other.summary().get("state") == f"{endpoint}: paused", "the next one knows")
        assert len(receiver.came) == 1
        receiver.answer = lambda event: 200
        resume = [sys.executable, "manage.py", "relay_webhooks", "--resume", endpoint]
        said = subprocess.run(resume, cwd=PROJECT, env=other.environment, check=True, capture_output=True, text=True)
        assert said.stdout == f"{endpoint} gets events again.\n"
        eventually_sync(lambda: receiver.contents(chat.id) == ["first", "second"], "nothing was lost")
        eventually_sync(lambda: other.summary()["status"] == "ok", "it is ready again")
        eventually_sync(lambda: other.summary()["per_second"] > 1.5 / 60, "both are counted")
        assert other.metric("webhooks_events_total") == 2
        assert other.metric("webhooks_attempts_total") == 2

"""Acks both ways, and what happens when one does not come, or comes too late."""

import asyncio

import pytest

from tests.clients.client import GENERATIONS

from .conftest import DEFAULT, POLLING, Connect


async def test_acks_answer_the_event_that_asked(version: str, transports: tuple[str, ...], connect: Connect) -> None:
    client = await connect(version, transports=transports)
    answers = [client.ask_later("ack", number, {"n": number}, None) for number in range(50)]
    assert await asyncio.gather(*answers) == [[number, {"n": number}, None] for number in range(50)]
    assert await client.ask_later("ack") == []


async def test_acks_of_overlapping_events_come_as_they_are_ready(version: str, connect: Connect) -> None:
    client = await connect(version)
    slow = client.ask_later("slow_ack", 0.3)
    assert await client.ask("slow_ack", 0.01) == "at last"
    assert not slow.done()
    assert await slow == ["at last"]


async def test_a_call_that_the_client_answers_too_late_times_out(
    version: str, transports: tuple[str, ...], connect: Connect
) -> None:
    """The late answer is ignored."""
    client = await connect(version, transports=transports, answers={"question": 42}, answer_after={"question": 0.3})
    assert "did not acknowledge 'question' within 0.1 s" in (await client.ask("ask_me", "what?", 0.1))["timed_out"]
    assert await client.ask("ask_me", "and now?", 2.0) == {"answer": [42]}, "behind the late answer"
    assert (await client.look())["connected"]
    assert await client.ask("ack", "still here") == "still here"


@pytest.mark.parametrize("transports", [DEFAULT, POLLING], ids="-".join)
async def test_a_client_of_4_whose_ack_timeout_passes_ignores_the_late_ack(
    transports: tuple[str, ...], connect: Connect
) -> None:
    client = await connect(transports=transports)
    assert await client.ask_within(2.0, "ack", "in time") == "in time"
    with pytest.raises(TimeoutError, match="operation has timed out"):
        await client.ask_within(0.1, "slow_ack", 0.3)
    assert await client.ask_within(2.0, "slow_ack", 0.3) == "at last", "behind the late ack"


async def test_clients_of_all_generations_answer_a_broadcast(connect: Connect) -> None:
    """Over every transport; one that is too slow, and one outside of the room, are not among the answers."""
    answers = {"question": {"blob": b"\x00\x01"}}
    clients = [
        await connect(version, transports=transports, answers=answers)
        for version in GENERATIONS
        for transports in (DEFAULT, POLLING)
    ]
    late = await connect(answers=answers, answer_after={"question": 3.0})
    outsider = await connect(answers=answers)
    for client in [*clients, late]:
        await client.ask("enter", "asked")
    outcome = await outsider.ask("ask_room", "asked", {"q": b"?"}, 1.0)
    assert outcome == {
        "answers": {client.socket_id: [{"blob": b"\x00\x01"}] for client in clients},
        "missing": [late.socket_id],
    }
    assert not outsider.received("question")

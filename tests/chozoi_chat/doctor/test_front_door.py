"""What the answers of processes say of a door and of one another."""

from __future__ import annotations

import msgspec
import pytest
from django.test import AsyncClient

from chozoi_chat.doctor import seen
from chozoi_chat.doctor.finding import Level
from chozoi_chat.doctor.front_door import Answer, FrontDoor, judge_address, judge_processes, session_in
from chozoi_chat.doctor.seen import Seen


def answer(*, forged: bool = False, clock: float = 0.0, **told: object) -> Answer:
    """The answer of a process whose clock is so many seconds ahead, asked at 100 and answered at 101."""
    usual = Seen(
        process="a, process 1",
        scheme="https",
        host="chat.example",
        address="203.0.113.5",
        forwarded="203.0.113.5",
        time=100.5 + clock,
        settings=seen.shared_settings(),
    )
    return Answer(msgspec.structs.replace(usual, **told), forged, 100.0, 101.0)


def test_an_address_that_is_the_clients_is_right() -> None:
    assert [finding.level for finding in judge_address([answer(), answer(forged=True)])] == [Level.OK]


def test_an_address_that_a_client_chose_is_named() -> None:
    (finding,) = judge_address([answer(), answer(forged=True, address="192.0.2.66", forwarded="192.0.2.66")])
    assert (finding.level, "a client chooses" in finding.what) == (Level.ERROR, True)


def test_a_proxy_that_is_not_believed_is_named() -> None:
    (finding,) = judge_address([answer(address="10.0.0.1")])
    assert finding.level is Level.ERROR
    assert finding.mend == "Add 10.0.0.1 to FORWARDED_ALLOW_IPS."


def test_a_door_without_a_proxy_is_noted() -> None:
    assert [finding.level for finding in judge_address([answer(forwarded="")])] == [Level.NOTE, Level.OK]


def test_processes_that_agree() -> None:
    assert [finding.level for finding in judge_processes([answer(), answer(process="b, process 2")])] == [Level.OK]


def test_processes_that_differ_are_named_with_the_setting() -> None:
    other = seen.shared_settings() | {"SOCKET_PATH": "another"}
    _, finding = judge_processes([answer(), answer(process="b, process 2", settings=other)])
    assert (finding.level, finding.what) == (Level.ERROR, "processes differ in SOCKET_PATH")
    _, finding = judge_processes([answer(settings=other)])
    assert (finding.level, "than this command" in finding.what) == (Level.WARNING, True)


@pytest.mark.parametrize(("clock", "said"), [(60.0, "60 s ahead of"), (-60.0, "60 s behind")])
def test_a_clock_that_is_wrong_is_named_once(clock: float, said: str) -> None:
    _, finding = judge_processes([answer(clock=clock), answer(clock=clock), answer(process="b, process 2")])
    assert (finding.level, said in finding.what) == (Level.WARNING, True)


@pytest.mark.parametrize(
    "opened", ['0{"sid":"abc","upgrades":["websocket"]}', '61:0{"sid":"abc","pingInterval":1}2:40']
)
def test_the_session_of_either_protocol_is_found(opened: str) -> None:
    assert session_in(opened) == "abc"


def test_what_answers_in_place_of_the_chat_is_named(shop: str) -> None:
    errors = [finding.what for finding in FrontDoor(shop).look() if finding.level is Level.ERROR]
    assert "generations: a handshake is answered by something else: '<!doctype html><title>A shop</title>'" in errors
    assert "a WebSocket is answered 200" in errors
    assert "processes: /doctor is answered by something else" in errors


@pytest.mark.parametrize(
    ("url", "ca", "said"),
    [
        ("chat.example.com", "", "--url is 'chat.example.com'"),
        ("https://[::1", "", "--url is 'https://[::1'"),
        ("https://chat.example.com:port", "", "--url is 'https://chat.example.com:port'"),
        ("https://chat.example.com", "/nowhere/ca.pem", "--ca '/nowhere/ca.pem' cannot be read: "),
        ("https://chat.example.com", __file__, f"--ca {__file__!r} cannot be read: "),
    ],
)
def test_what_nobody_can_be_asked_with_is_one_finding(url: str, ca: str, said: str) -> None:
    (finding,) = FrontDoor(url, ca).look()
    assert (finding.level, finding.what.startswith(said)) == (Level.ERROR, True)


async def test_a_process_tells_the_doctor_alone(async_client: AsyncClient) -> None:
    told = await async_client.get("/doctor", headers={seen.HEADER: seen.signature()})
    assert msgspec.json.decode(told.content, type=Seen).host == "testserver"
    for forged in ("", "doctor", "doctor:1:x", seen.signature() + "x"):
        assert (await async_client.get("/doctor", headers={seen.HEADER: forged})).status_code == 404


def test_what_is_told_of_settings_is_hashed() -> None:
    assert all(len(value) == 16 and "chozoi" not in value for value in seen.shared_settings().values())

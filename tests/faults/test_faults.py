"""The short form of `make test-faults`: some of the faults, for seconds; and that what is counted is seen."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from socketio_bridge.outages import SETTLED
from tests.clients.driver import Driver
from tests.eventually import eventually

from . import scenarios
from .device import Device
from .findings import Findings
from .run import run
from .scenarios import Scenario, Stage
from .system import System

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with System(tmp_path_factory.mktemp("system")) as system:
        yield system


async def _run(driver: Driver, system: System, scenario: Scenario) -> Findings:
    """Run a short form of it; what holds in whatever happens, holds."""
    findings = await run(driver, system, scenario, recovery=False, short=True)
    assert findings.broken() == {}, findings
    assert findings.acked == findings.messages > 0, findings
    assert findings.sockets_lost == findings.of_dead_process, findings
    return findings


@pytest.mark.parametrize(
    ("fault", "away", "other"),
    [
        (scenarios.redis_killed, "is out of reach", "The message store"),
        (scenarios.mongodb_killed, "The message store is away", "Redis"),
        (scenarios.mongodb_paused, "The message store is away", "Redis"),
        (scenarios.primary_steps_down, "The message store is away", "Redis"),
    ],
    ids=["redis_killed", "mongodb_killed", "mongodb_paused", "primary_steps_down"],
)
async def test_an_outage_loses_nothing_and_is_logged_once_and_its_end_too(
    driver: Driver, system: System, fault: scenarios.Fault, away: str, other: str
) -> None:
    """It ends long before an operation gives up. On a busy machine a process may be late for the other store, too."""

    async def fault_and_after(stage: Stage) -> None:
        await fault(stage)
        await asyncio.sleep(SETTLED + 2)

    findings = await _run(driver, system, Scenario("An outage", fault_and_after, 4))
    of_this_store = [
        [event for line in lines if other not in (event := json.loads(line)["event"])] for lines in findings.logged
    ]
    assert any(of_this_store)
    for said in filter(None, of_this_store):  # a process that asked the store for nothing meanwhile has nothing to say
        assert len(said) == 2, said
        assert away in said[0] and " is back after " in said[1]


async def test_a_killed_process_loses_nothing(driver: Driver, system: System) -> None:
    (scenario,) = (scenario for scenario in scenarios.SCENARIOS if scenario.fault is scenarios.server_killed)
    findings = await _run(driver, system, scenario)
    assert max(map(len, findings.logged)) <= 2, findings.logged


async def _tamper(stage: Stage) -> None:
    """Do what no fault may: lose an acknowledged message, store one twice, alter one, keep one from its reader."""

    def acknowledged() -> list[str]:
        return [sent.message_id for sent in stage.traffic.sent if sent.message_id is not None]

    await eventually(lambda: len(acknowledged()) > 3)
    messages = stage.system.database["cz_messages"]
    lost, copied, altered, missed = acknowledged()[-4:]
    messages.delete_one({"_id": lost})
    original = messages.find_one({"_id": copied})
    assert original is not None
    messages.drop_index("message_once_in_room")  # no server stores a message twice while it has this one
    messages.insert_one({**original, "_id": f"{copied[:-1]}!"})
    messages.update_one({"_id": altered}, {"$set": {"content": "1 of another"}})

    def readers() -> list[Device]:
        return [
            device
            for device in stage.traffic.devices()
            if any(message_id == missed for _, _, message_id in device.received)
        ]

    await eventually(lambda: len(readers()) == 2)
    for reader in readers():
        reader.received = [told for told in reader.received if told[2] != missed]


async def test_what_is_broken_is_seen(driver: Driver, system: System) -> None:
    """Each count has something to count here; without this a table of zeros would say nothing."""
    findings = await run(driver, system, Scenario("Tampered", _tamper, 1, 1), recovery=False, short=True)
    assert (findings.lost, findings.doubled, findings.falsely_acked, findings.missed) == (1, 1, 1, 2), findings
    assert set(findings.broken()) >= {"lost", "doubled", "falsely_acked", "missed", "not_synced"}

"""Runs one scenario on a system and hands out what it showed."""

import asyncio
import time
from collections.abc import Sequence

from tests.clients.driver import Driver
from tests.e2e.server_process import ServerProcess

from .findings import Findings, Instants, take_messages, take_people
from .scenarios import Scenario, Stage
from .system import System, complaints, memory
from .traffic import Traffic

PAIRS = 6
WARM = 2.0
"""Seconds in which all have been connected, and measure nothing yet."""
QUIET = 5.0
"""Seconds before the fault, by which the rest is measured."""
RIGHT_WITHIN = 15.0
"""Seconds after the fault within which all statuses are to be right."""
UNANSWERED = 60.0
"""Seconds for which messages without an acknowledgement are waited for in the end."""


async def run(driver: Driver, system: System, scenario: Scenario, *, recovery: bool, short: bool = False) -> Findings:
    """Run a scenario with two new servers; in the short form with those of before, where they have its settings.

    Args:
        driver: Hosts the clients.
        system: The stores.
        scenario: What to do.
        recovery: What `system` was made with; for the findings alone.
        short: The short form, for CI.
    """
    findings = Findings(scenario.name, recovery)
    shared = short and not scenario.settings and not scenario.first_settings
    name = "short" if shared else f"{scenario.fault.__name__} {time.monotonic_ns()}"
    async with system.servers(name, scenario.settings, scenario.first_settings, keep=shared) as servers:
        first, second = servers
        marks = [server.log_size() for server in servers]
        watch = asyncio.create_task(_watch_memory(findings, servers))
        async with Traffic(driver, system.database, servers, PAIRS) as traffic:
            await asyncio.sleep(WARM)
            await traffic.take_tokens()
            quiet_from = time.monotonic()
            await asyncio.sleep(QUIET / 2 if short else QUIET)
            seconds = scenario.short_seconds if short else scenario.seconds
            stage = Stage(system, traffic, (first, second), seconds, 1 / 3 if short else 1.0)
            began = time.monotonic()
            await scenario.fault(stage)
            fault = Instants(quiet_from, began, time.monotonic())
            await _settle(traffic, short=short)
            findings.wrong_statuses = len(traffic.wrong_statuses())
            findings.unanswered = await traffic.silence(UNANSWERED)
            await asyncio.sleep(2)
            async with asyncio.timeout(UNANSWERED):
                findings.not_synced = await traffic.not_synced()
            take_people(findings, traffic, fault, traffic.devices(first) if scenario.kills_first else ())
            take_messages(findings, traffic, system.database, fault)
        watch.cancel()
        findings.crowd = stage.crowd
        findings.memory_after = [round(memory(server.pid)) for server in servers]
    findings.logged = [complaints(server.log_since(mark)) for server, mark in zip(servers, marks, strict=True)]
    return findings


async def _settle(traffic: Traffic, *, short: bool) -> None:
    """Let the time pass after which all is to be well; in the short form only until it is."""
    until = time.monotonic() + RIGHT_WITHIN
    while time.monotonic() < until:
        await asyncio.sleep(0.5)
        if short and traffic.is_whole():
            return


async def _watch_memory(findings: Findings, servers: Sequence[ServerProcess]) -> None:
    findings.memory_before = findings.memory_most = [round(memory(server.pid)) for server in servers]
    while True:
        now = [round(memory(server.pid)) for server in servers]
        findings.memory_most = [max(pair) for pair in zip(findings.memory_most, now, strict=True)]
        await asyncio.sleep(0.5)

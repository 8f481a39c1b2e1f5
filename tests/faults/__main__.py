"""`python -m tests.faults [NAME …]`: run faults, print what each showed, and write the table of docs/reliability.md."""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from tests.clients.driver import Driver
from tests.e2e.server_process import PROJECT

from .findings import Findings
from .run import run
from .scenarios import SCENARIOS
from .system import System, end_tidily_on_sigterm
from .table import COLUMNS, Row, as_line, write


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of the name of a fault; none: all of them")
    parser.add_argument("--list", action="store_true", help="name the faults, and end")
    parser.add_argument("--recovery", choices=("off", "on", "both"), default="both")
    parser.add_argument("--times", type=int, default=1, help="run each so often (1)")
    parser.add_argument("--short", action="store_true", help="the short form: faults of a few seconds")
    parser.add_argument("--project", type=Path, default=PROJECT, help="the tree whose code is served (this one)")
    parser.add_argument("--code", default="now", help="what that code is called in the table (now)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the rows into this page's table")
    parser.add_argument("--read", type=Path, metavar="FILE", help="run nothing: take what --results has kept")
    parser.add_argument("--results", type=Path, metavar="FILE", help="append what each run showed, a line of JSON each")
    return parser.parse_args()


async def main(chosen: argparse.Namespace) -> int:
    scenarios = [
        scenario
        for scenario in SCENARIOS
        if not chosen.names or any(name.lower() in scenario.name.lower() for name in chosen.names)
    ]
    if chosen.list:
        print("\n".join(scenario.name for scenario in scenarios))
        return 0
    if chosen.read:
        return show(chosen, read(chosen.read))
    end_tidily_on_sigterm()
    broken = []
    async with Driver() as driver:
        for recovery in {"off": (False,), "on": (True,), "both": (False, True)}[chosen.recovery]:
            directory = Path(tempfile.mkdtemp(prefix="faults-"))
            found: dict[str, list[Findings]] = defaultdict(list)
            async with System(directory, project=chosen.project.resolve(), recovery=recovery) as system:
                for scenario in scenarios:
                    if recovery and not scenario.about_recovery and chosen.recovery == "both":
                        continue
                    for _ in range(chosen.times):
                        findings = await run(driver, system, scenario, recovery=recovery, short=chosen.short)
                        found[scenario.name].append(findings)
                        report(findings, chosen.results)
                        broken += [f"{scenario.name}: {findings.broken()}"] if findings.broken() else []
            show(chosen, found)
            shutil.rmtree(directory, ignore_errors=True)
    print("\n".join(["", "what must never be:", *broken] if broken else ["", "nothing that must never be"]))
    return 1 if broken else 0


def read(results: Path) -> dict[str, list[Findings]]:
    """What the runs that a file has kept showed, by row."""
    found: dict[str, list[Findings]] = defaultdict(list)
    for line in results.read_text().splitlines():
        findings = Findings(**json.loads(line))
        found[f"{findings.name} {findings.recovery}"].append(findings)
    return found


def show(chosen: argparse.Namespace, found: dict[str, list[Findings]]) -> int:
    """Print the rows, and put them on the page where one is named."""
    rows = [Row(chosen.code, runs) for runs in found.values()]
    print("\n".join(["", as_line(COLUMNS), *(as_line(row.cells()) for row in rows)]))
    if chosen.write:
        write(chosen.write, rows)
    return 0


def report(findings: Findings, results: Path | None) -> None:
    line = json.dumps(asdict(findings))
    print(line, flush=True)
    if results:
        with results.open("a") as file:
            file.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))

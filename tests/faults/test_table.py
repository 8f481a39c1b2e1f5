"""The table of docs/reliability.md is kept on its page; the page names what exists."""

import re
from pathlib import Path

import pytest

from tests.e2e.server_process import PROJECT

from .findings import Findings
from .scenarios import SCENARIOS
from .table import BEGIN, COLUMNS, END, Row, write

PAGE = PROJECT / "docs/reliability.md"


def test_a_row_takes_the_place_of_its_former_self(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    first, second = (scenario.name for scenario in SCENARIOS[:2])

    def row(name: str, lost: int) -> Row:
        run = Findings(name, recovery=False, lost=lost, logged=[[]], memory_before=[1], memory_most=[2])
        return Row("now", [run])

    for lost in (1, 0):
        write(page, [row(name, lost) for name in (second, first)])
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    rows = [line.split(" | ") for line in lines if line.startswith((f"| {first}", f"| {second}"))]
    assert sum(line.startswith("| ---") for line in lines) == 1
    assert [(row[0], row[5]) for row in rows] == [(f"| {first}", "0"), (f"| {second}", "0")]


def test_a_row_of_several_runs_has_the_worst_counts_and_the_p99_in_the_middle() -> None:
    """The runs: lost, p99 before and meanwhile, whole after, lines of the log."""
    shown = [(0, 50.0, 100.0, 1.0, 2), (1, 200.0, 800.0, 5.0, 0), (0, 10.0, 200.0, 0.0, 1)]
    runs = [
        Findings(
            SCENARIOS[0].name,
            recovery=False,
            messages=100,
            acked=100 - lost,
            lost=lost,
            quiet_ms=quiet,
            meanwhile_ms=meanwhile,
            whole_after=whole,
            logged=[["a line"] * lines, []],
            memory_before=[1],
            memory_most=[2],
        )
        for lost, quiet, meanwhile, whole, lines in shown
    ]
    cells = dict(zip(COLUMNS, Row("now", runs).cells(), strict=True))
    assert (cells["runs"], cells["acked"], cells["lost"]) == ("3", "299 of 300", "1")
    assert (cells["p99 ms"], cells["whole after"], cells["log lines"]) == ("200 → 800, 4.0 ×", "5.0 s", "2")


def test_each_fault_has_its_row_on_the_page() -> None:
    rows = {tuple(cell.strip() for cell in line.strip("| ").split("|")[:3]) for line in _table()}
    wanted = {
        (scenario.name, recovery, "now")
        for scenario in SCENARIOS
        for recovery in (("off", "on") if scenario.about_recovery else ("off",))
    }
    assert wanted <= rows, f"run them: make test-faults FAULTS=…; missing: {sorted(wanted - rows)}"
    assert {name for name, *_ in rows} <= {scenario.name for scenario in SCENARIOS}, "a fault that there is no more"


def _table() -> list[str]:
    table = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    return [line for line in table.splitlines() if line.startswith("| ")][2:]


def _promises() -> list[list[str]]:
    section = PAGE.read_text().partition("## What is promised")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return rows[2:]


@pytest.mark.parametrize("promise", _promises(), ids=lambda promise: str(promise[0][:40]))
def test_what_is_said_to_show_a_promise_exists(promise: list[str]) -> None:
    """A promise is shown by columns of the table, by rows that it names, or by tests, as `path::test`."""
    _, shown_by = promise
    names = re.findall(r"`([^`]+)`", shown_by)
    assert names, shown_by
    for name in names:
        if name.startswith("tests/"):
            path, _, test = name.partition("::")
            assert (PROJECT / path).is_file(), name
            assert re.search(rf"^(async )?def {test}\(", (PROJECT / path).read_text(), re.MULTILINE) if test else 0, (
                name
            )
        else:
            assert name in COLUMNS, f"{name} is neither a column nor a test"

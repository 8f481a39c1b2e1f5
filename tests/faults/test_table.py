"""The table of docs/reliability.md is kept on its page."""

from pathlib import Path

from .findings import Findings
from .scenarios import SCENARIOS
from .table import BEGIN, END, Row, write


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

"""The table of docs/reliability.md: a row for each fault, kept on the page itself between two marks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .findings import Findings
from .scenarios import SCENARIOS

BEGIN = "<!-- written by python -m tests.faults -->"
END = "<!-- until here -->"
COLUMNS = (
    *("fault", "recovery", "code", "runs", "acked", "lost", "doubled", "out of order", "falsely acked", "missed"),
    *("not in sync", "told twice", "sockets lost", "wrong statuses", "p99 ms", "whole after", "log lines", "MB"),
)
KEY = 3
"""So many of the columns say which row it is."""


@dataclass(frozen=True, slots=True)
class Row:
    """The runs of one scenario on one state of the code: the worst of each figure, of p99 the middle one by ratio."""

    code: str
    runs: Sequence[Findings]

    def cells(self) -> list[str]:
        """The texts of the row, in the order of COLUMNS."""
        runs = self.runs
        memory = max((max(run.memory_most) - max(run.memory_before) for run in runs), default=0)
        return [
            *(runs[0].name, "on" if runs[0].recovery else "off", self.code, str(len(runs))),
            f"{sum(run.acked for run in runs)} of {sum(run.messages for run in runs)}",
            *(str(max(getattr(run, name) for run in runs)) for name in ("lost", "doubled")),
            f"{max(run.stored_out_of_order for run in runs)}, {max(run.told_out_of_order for run in runs)}",
            str(max(run.falsely_acked for run in runs)),
            _and(max(run.missed for run in runs), max(run.by_resync for run in runs), "by resync"),
            str(max((run.not_synced for run in runs if run.not_synced is not None), default="–")),
            str(max(run.told_twice for run in runs)),
            _and(max(run.sockets_lost for run in runs), max(run.of_dead_process for run in runs), "of the dead"),
            str(max(run.wrong_statuses for run in runs)),
            _p99(runs),
            f"{max(run.whole_after for run in runs):.1f} s",
            str(max(len(lines) for run in runs for lines in run.logged)),
            f"{max(max(run.memory_before) for run in runs)} + {memory}",
        ]


def _p99(runs: Sequence[Findings]) -> str:
    """Before and during the fault, of the run whose ratio is in the middle; of two, of the worse one."""
    by_ratio = sorted(runs, key=lambda run: run.meanwhile_ms / run.quiet_ms if run.quiet_ms else 0.0)
    run = by_ratio[len(runs) // 2]
    ratio = f", {run.meanwhile_ms / run.quiet_ms:.1f} ×" if run.quiet_ms else ""
    return f"{run.quiet_ms:.0f} → {run.meanwhile_ms:.0f}{ratio}"


def _and(number: int, some: int, what: str) -> str:
    return f"{number}, {some} {what}" if some else str(number)


def as_line(cells: Iterable[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def write(page: Path, rows: Iterable[Row]) -> None:
    """Put rows on the page, in place of those of the same fault, recovery and code. Raises ValueError without marks."""
    before, begin, rest = page.read_text().partition(BEGIN)
    table, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has not the marks {BEGIN} and {END}")
    written = [line for line in table.splitlines() if line.startswith("| ")]
    lines = {_key(line): line for line in written if _key(line)[0] not in (COLUMNS[0], "---")}
    lines |= {_key(line): line for line in (as_line(row.cells()) for row in rows)}
    order = [scenario.name for scenario in SCENARIOS]
    ordered = sorted(lines, key=lambda key: (order.index(key[0]) if key[0] in order else len(order), key[1], key[2]))
    head = [as_line(COLUMNS), f"|{' --- |' * len(COLUMNS)}"]
    page.write_text("\n".join([before + BEGIN, *head, *(lines[key] for key in ordered), END + after]))


def _key(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip("| ").split("|")[:KEY])

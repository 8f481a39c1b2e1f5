"""Figures of a run as a table for people and as JSON for machines. Measures nothing."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

OURS, RIVAL = "chozoi_chat", "python-socketio"


@dataclass(slots=True)
class Scenario:
    """One scenario's figures, a list a server, one figure a round."""

    key: str
    title: str
    unit: str
    more_is_better: bool
    target: str
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, server: str, figure: float) -> None:
        self.figures.setdefault(server, []).append(figure)

    def median(self, server: str) -> float | None:
        figures = self.figures.get(server)
        return statistics.median(figures) if figures else None

    def ratio(self) -> float | None:
        """Ours over theirs, of the medians; None when one was not measured."""
        ours, rival = self.median(OURS), self.median(RIVAL)
        return ours / rival if ours is not None and rival else None


def as_json(scenarios: Sequence[Scenario]) -> str:
    return json.dumps(
        [
            {
                "scenario": scenario.key,
                "title": scenario.title,
                "unit": scenario.unit,
                "more_is_better": scenario.more_is_better,
                "figures": scenario.figures,
                "medians": {server: scenario.median(server) for server in scenario.figures},
                "ratio": scenario.ratio(),
            }
            for scenario in scenarios
        ],
        indent=2,
    )


def as_table(scenarios: Sequence[Scenario]) -> str:
    """Medians, the range over rounds in brackets, and ours : theirs."""
    rows = [("scenario", OURS, RIVAL, "ratio", "wanted")]
    for scenario in scenarios:
        ratio = scenario.ratio()
        shown = "" if ratio is None else f"{ratio:.2f} ×"
        rows.append(
            (
                f"{scenario.title} [{scenario.unit}]",
                _cell(scenario, OURS),
                _cell(scenario, RIVAL),
                shown,
                scenario.target,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _cell(scenario: Scenario, server: str) -> str:
    median = scenario.median(server)
    if median is None:
        return "not measured"
    figures = scenario.figures[server]
    spread = f" ({min(figures):,.0f}–{max(figures):,.0f})" if len(figures) > 1 else ""
    return f"{median:,.0f}{spread}"

"""Figures of a run: a table for people, JSON for machines, a chart for a page. Measures nothing."""

import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from .processes import OURS

BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"


@dataclass(slots=True)
class Figure:
    """One figure of one scenario: a list a server, one value a round."""

    key: str
    title: str
    unit: str
    more_is_better: bool
    digits: int = 0
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, server: str, value: float) -> None:
        self.values.setdefault(server, []).append(value)

    def median(self, server: str) -> float | None:
        values = self.values.get(server)
        return statistics.median(values) if values else None

    def ratio(self, rival: str) -> float | None:
        """Ours over theirs, of the medians; None when one was not measured."""
        ours, theirs = self.median(OURS), self.median(rival)
        return ours / theirs if ours is not None and theirs else None

    def cell(self, server: str) -> str:
        """Median, range over the rounds in brackets, ratio to it."""
        median = self.median(server)
        if median is None:
            return "–"
        values, digits = self.values[server], self.digits
        spread = f" ({min(values):,.{digits}f}–{max(values):,.{digits}f})" if len(values) > 1 else ""
        ratio = None if server == OURS else self.ratio(server)
        return f"{median:,.{digits}f}{spread}" + ("" if ratio is None else f"; **{ratio:.2f} ×**")


def as_json(figures: Sequence[Figure], machine: dict[str, str]) -> str:
    measured = [
        {
            "figure": figure.key,
            "title": figure.title,
            "unit": figure.unit,
            "more_is_better": figure.more_is_better,
            "values": figure.values,
            "medians": {server: figure.median(server) for server in figure.values},
            "ratios": {server: figure.ratio(server) for server in figure.values if server != OURS},
        }
        for figure in figures
    ]
    return json.dumps({"machine": machine, "figures": measured}, indent=2)


def as_markdown(figures: Sequence[Figure], servers: Sequence[str], machine: dict[str, str]) -> str:
    head = [f"| | {' | '.join(servers)} |", f"| --- |{' --- |' * len(servers)}"]
    rows = [
        f"| {figure.title} [{figure.unit}] | {' | '.join(figure.cell(server) for server in servers)} |"
        for figure in figures
        if figure.values
    ]
    measured = "; ".join(f"{name} {value}" for name, value in machine.items())
    return "\n".join([f"Measured: {measured}.", "", *head, *rows])


def describe_machine(load_before: tuple[float, float, float]) -> dict[str, str]:
    """What the figures depend on: date, processor, and what else the machine did."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    cores = sum(line.startswith("processor") for line in Path("/proc/cpuinfo").read_text().splitlines())
    return {
        "on": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processors": f"{cores} × {model}",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "load average before": ", ".join(f"{load:.1f}" for load in load_before),
    }


def write_into(page: Path, table: str) -> None:
    """Put the table between the marks of a page. Raises ValueError where it has none."""
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{page} has no marks {BEGIN} and {END}")
    page.write_text(f"{before}{begin}\n{table}\n{end}{after}")


def draw(figures: Sequence[Figure], servers: Sequence[str], file: Path) -> None:
    """A chart of the figures that are rates or costs, each relative to ours."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    shown = [figure for figure in figures if figure.median(OURS)]
    columns = 3
    rows = -(-len(shown) // columns)
    canvas, axes = plt.subplots(rows, columns, figsize=(12, 2.1 * rows), squeeze=False, layout="constrained")
    for place in axes.flat[len(shown) :]:
        place.set_axis_off()
    for figure, place in zip(shown, axes.flat, strict=False):
        measured = [server for server in servers if figure.median(server) is not None]
        place.barh(
            measured, [figure.median(server) for server in measured],
            color=["#1f6f8b" if server == OURS else "#b8c4cc" for server in measured],
        )  # fmt: skip
        place.invert_yaxis()
        place.tick_params(labelsize=7)
        better = "more" if figure.more_is_better else "less"
        place.set_title(f"{figure.title} [{figure.unit}], {better} is better", fontsize=7)
    canvas.savefig(file, dpi=110)

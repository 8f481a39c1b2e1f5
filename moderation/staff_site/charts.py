"""Small bar charts: where each bar stands, for a template that draws them as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 360
HEIGHT = 80


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in the units of the chart's box."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars side by side; the highest fills the height."""

    bars: list[Bar]
    highest: int
    first: str
    last: str
    width: int = WIDTH
    height: int = HEIGHT


def chart(values: Sequence[tuple[str, int]], *, first: str, last: str) -> Chart:
    """Bars for labelled values; `first` and `last` stand below the ends."""
    highest = max((value for _, value in values), default=0)
    step = WIDTH / max(1, len(values))
    bars = [
        Bar(
            x=round(number * step, 2),
            y=round(HEIGHT - _height(value, highest), 2),
            width=round(step * 0.8, 2),
            height=round(_height(value, highest), 2),
            label=f"{label}: {value}",
        )
        for number, (label, value) in enumerate(values)
    ]
    return Chart(bars, highest, first, last)


def _height(value: int, highest: int) -> float:
    return max(1.5, HEIGHT * value / highest) if value else 0.0

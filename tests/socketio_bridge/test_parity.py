"""The page that compares the bridge with the reference server: its numbers add up, and its tests exist."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parents[1] / "socketio_bridge" / "docs" / "parity.md").read_text()
SECTIONS = {
    "`packages/socket.io/test`, without those of types": "## Tests of socket.io\n",
    "`packages/engine.io/test`": "## Tests of engine.io\n",
}


def rows(text: str) -> list[tuple[str, int, str, str]]:
    """Title, number of tests, verdict and note of each row."""
    found = re.findall(r"^\| (.+?) \| (\d+) \| (\w+) \| (.+) \|$", text, flags=re.MULTILINE)
    return [(title, int(number), verdict, note) for title, number, verdict, note in found]


def section(heading: str) -> str:
    return re.split(r"^## ", PAGE[PAGE.index(heading) + 3 :], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", SECTIONS)
def test_the_numbers_add_up(name: str) -> None:
    text = section(SECTIONS[name])
    counted: Counter[str] = Counter()
    for _, number, verdict, _ in rows(text):
        counted[verdict] += number
    assert set(counted) == {"same", "different", "absent"}
    numbers = [sum(counted.values()), *(counted[verdict] for verdict in ("same", "different", "absent"))]
    assert f"| {name} | {' | '.join(map(str, numbers))} |" in PAGE
    for group in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        heading = group.partition("\n")[0]
        assert heading.endswith(f": {sum(number for _, number, _, _ in rows(group))}"), heading


def test_the_tests_that_are_named_exist() -> None:
    named = set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE))
    assert len(named) > 100
    for file, function in sorted(named):
        folder = TESTS.parent if file.startswith("stock_clients/") else TESTS
        assert f"def {function}(" in (folder / file).read_text(), f"{file}::{function}"


def test_what_is_not_the_same_says_why() -> None:
    """Where it is the same, a test shows it, or a few words say under which name."""
    for title, _, verdict, note in rows(PAGE):
        words = re.sub(r"`[\w/]+\.py::test_\w+`(, )?", "", note).strip()
        assert words or verdict == "same", title

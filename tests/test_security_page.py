"""docs/security.md: each row of its tables names tests, and these exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ROWS = re.findall(r"^\| (?!---|what )(.+) \|$", (TESTS.parent / "docs" / "security.md").read_text(), re.MULTILINE)


@cache
def names_in(path: Path) -> set[str]:
    """The names of a file's tests as pytest has them: `TestClass::test_name`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{each.name}"
                for each in node.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return {name for name in found if name.rpartition("::")[2].startswith("test_")}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row).partition(":")[0][:60])
def test_a_row_names_tests_that_exist(row: str) -> None:
    attack, stopped_by, named = row.split(" | ")
    assert attack and stopped_by
    tests = re.findall(r"`([^`]+)`", named)
    assert tests
    for test in tests:
        path, _, name = test.partition("::")
        assert (TESTS / path).is_file(), path
        assert name in names_in(TESTS / path), test


def test_there_are_rows() -> None:
    assert len(ROWS) > 30

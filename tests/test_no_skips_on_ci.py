"""On CI nothing is skipped; elsewhere a skip is a skip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
TESTS = """
import pytest

@pytest.mark.skip(reason="no node here")
def test_marked(): ...

def test_inside():
    pytest.skip("no node here either")

@pytest.mark.xfail(reason="known")
def test_expected_failure():
    assert False
"""
MODULE = """
import pytest
pytest.importorskip("a_package_that_nobody_has")
"""


def run(folder: Path, content: str, *, ci: bool) -> str:
    """What pytest prints about a test file of this content."""
    (folder / "test_some.py").write_text(content)
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_ADDOPTS")}
    environment |= {"PYTHONPATH": str(PROJECT)} | ({"CI": "true"} if ci else {})
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.no_skips_on_ci",
        "-p",
        "no:django",
        "-p",
        "no:cacheprovider",
    ]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


@pytest.mark.slow
@pytest.mark.parametrize(("content", "ending"), [(TESTS, "2 skipped, 1 xfailed in"), (MODULE, "1 skipped in")])
def test_a_skip_is_a_skip_elsewhere(tmp_path: Path, content: str, ending: str) -> None:
    assert ending in run(tmp_path, content, ci=False)


@pytest.mark.slow
def test_a_skipped_test_fails_on_ci_and_keeps_its_reason(tmp_path: Path) -> None:
    output = run(tmp_path, TESTS, ci=True)
    assert "1 failed, 1 xfailed, 1 error in" in output  # a skip by a mark happens while the test is set up
    assert "was skipped: Skipped: no node here" in output


@pytest.mark.slow
def test_a_skipped_module_fails_on_ci(tmp_path: Path) -> None:
    assert "1 error in" in run(tmp_path, MODULE, ci=True)

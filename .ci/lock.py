"""Writes requirements*.lock: what each requirements*.txt brings along, pinned, with the hashes of all its files.

    make lock

uv resolves, within constraints.txt, for each Python and processor below. What one of them alone needs is in the lock of
all, as a package too many does no harm. Each lock begins with the one below it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NAMES = ("requirements-server", "requirements", "requirements-dev")
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")


def resolved(name: str, python: str, platform: str) -> dict[str, str]:
    """The entries of a requirements file for one Python and platform: `name==version` and the entry's text."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-annotate", "--no-header"),
        *("--python-version", python, "--python-platform", platform, f"{name}.txt"),
    ]
    text = subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {re.split(r"[ ;]", entry)[0]: entry for entry in re.split(r"\n(?=[a-zA-Z])", text.strip())}


def main() -> None:
    """Write the locks."""
    below, before = set[str](), ""
    for name in NAMES:
        entries: dict[str, str] = {}
        for python in PYTHONS:
            for platform in PLATFORMS:
                entries |= resolved(name, python, platform)
        packages = [pin.partition("==")[0] for pin in entries]
        if len(set(packages)) < len(packages):
            sys.exit(f"{name}.txt has several versions of a package: pin one in constraints.txt")
        head = f"# Written by `make lock` from {name}.txt and constraints.txt, for pip install --require-hashes"
        own = [entries[pin] for pin in sorted(entries) if pin not in below]
        (PROJECT / f"{name}.lock").write_text("\n".join([head, *([before] if before else []), *own]) + "\n")
        below |= set(entries)
        before = f"-r {name}.lock"


if __name__ == "__main__":
    main()

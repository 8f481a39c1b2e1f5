"""Asks whether known vulnerabilities concern what a lock pins: `make audit`.

pip-audit asks PyPI's JSON API and, where that knows none of the packages, OSV. Fails when a vulnerability is known, and
not when nobody can be asked: that a service is away says nothing of the code. It then says that nothing was audited.

The environment: AUDIT_OSV_URL, an OSV API to ask instead (`https://…/v1/query`), such as a mirror.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parents[1] / "requirements-dev.lock"
TIMEOUT = 10  # seconds for one answer
ACCEPTED: dict[str, str] = {}
"""Vulnerabilities that do not concern this project, by id, each with the reason. An empty one is none."""


def services() -> Iterator[list[str]]:
    """The arguments of pip-audit for each service to ask, until one of them answers."""
    if url := os.environ.get("AUDIT_OSV_URL"):
        yield ["--vulnerability-service", "osv", "--osv-url", url]
        return
    yield ["--vulnerability-service", "pypi"]
    yield ["--vulnerability-service", "osv"]


def ask(lock: Path, service: list[str]) -> tuple[list[dict[str, Any]], str]:
    """The packages that a service knows, each with its vulnerabilities, and why it does not know others."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"),
        *("--format", "json", "--progress-spinner", "off", "--timeout", str(TIMEOUT), *service),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], (done.stderr.strip().splitlines() or ["no answer"])[-1]
    return [package for package in packages if "vulns" in package], next(
        (package["skip_reason"] for package in packages if "skip_reason" in package), ""
    )


def main(lock: Path) -> int:
    """Audit a lock; the exit status."""
    for service in services():
        packages, reason = ask(lock, service)
        if packages:
            break
        print(f"{service[1]} was not asked: {reason}")
    else:
        print(
            f"NOT AUDITED: no service of vulnerabilities knows what {lock.name} pins, or none can be reached from here."
        )
        return 0
    found = [(package, each) for package in packages for each in package["vulns"] if not ACCEPTED.get(each["id"])]
    for package, each in found:
        fixed = ", ".join(each["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {each['id']}, fixed in {fixed}")
    if reason:
        print(f"others were not audited: {reason}")
    print(f"{len(packages)} packages of {lock.name} audited by {service[1]}, {len(found)} vulnerabilities")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else LOCK))

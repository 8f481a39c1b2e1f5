"""The units of `deploy/systemd`, as systemd itself reads them, and what they say to the commands that they run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from .proxies import DEPLOY

UNITS = DEPLOY / "systemd"
INSTANCES = {"chozoi-chat@8001.service": "serve", "chozoi-chat-worker@relay_events.service": "relay_events"}


def template_of(instance: str) -> Path:
    return UNITS / re.sub(r"@[^.]+", "@", instance)


@pytest.mark.parametrize("instance", INSTANCES)
def test_systemd_takes_every_line(tmp_path: Path, instance: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze: apt-get install systemd")
    unit = tmp_path / instance
    unit.write_text(template_of(instance).read_text().replace("/opt/chozoi-chat/.venv/bin/python", sys.executable))
    for target in UNITS.glob("*.target"):
        shutil.copy(target, tmp_path)
    command = ["systemd-analyze", "verify", "--man=no", str(unit), str(tmp_path / "chozoi-chat.target")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("instance", INSTANCES)
def test_the_command_exists_and_has_more_time_to_stop_than_it_takes(instance: str) -> None:
    text = template_of(instance).read_text()
    (command,) = re.findall(r"^ExecStart=\S+ manage.py (\S+)$", text, re.MULTILINE)
    assert command.replace("%i", "relay_events") == INSTANCES[instance]
    assert INSTANCES[instance] in get_commands()
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert int(seconds) > settings.SHUTDOWN_WINDOW

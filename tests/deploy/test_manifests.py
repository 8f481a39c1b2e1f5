"""What no engine here can run: the files are what their formats want, and speak of settings and commands that exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from chozoi_chat import environment

from .proxies import DEPLOY

PROJECT = DEPLOY.parent
KUBERNETES = DEPLOY / "kubernetes"
VERSIONS = ("1.29", "1.37")
SERVICE = """
import importlib.util
assert importlib.util.find_spec("devstack") is None, "it would be found elsewhere"
import chozoi_chat.asgi, chozoi_chat.metrics, chozoi_chat.serving
from django.core.management import call_command, get_commands, load_command_class
for name in ("serve", "migrate", "relay_events", "relay_webhooks", "consume_auction_results", "doctor"):
    load_command_class(get_commands()[name], name)
call_command("check", databases=[])
print("all is there")
"""
NOT_OBJECTS = ("kustomization.yaml", "prometheus-adapter.yaml")


def objects() -> Iterator[dict[str, Any]]:
    """What the files of deploy/kubernetes make."""
    for path in sorted(KUBERNETES.glob("*.yaml")):
        if path.name not in NOT_OBJECTS:
            yield from yaml.safe_load_all(path.read_text())


def pods() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The pod of each Deployment and Job, and its container."""
    for found in objects():
        if found["kind"] in ("Deployment", "Job"):
            pod = found["spec"]["template"]["spec"]
            (container,) = pod["containers"]
            yield pod, container


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(version: str) -> None:
    for found in objects():
        kubernetes_validate.validate(found, version, strict=True)


def test_kustomize_takes_all_files_but_those_to_fill_in() -> None:
    listed = set(yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"])
    there = {path.name for path in KUBERNETES.glob("*.yaml")}
    assert listed == there - {*NOT_OBJECTS, "secret.example.yaml", "webhooks.yaml"}


def test_what_an_object_names_is_there() -> None:
    made = {(found["kind"], found["metadata"]["name"]) for found in objects()}
    for pod, container in pods():
        for source in container["envFrom"]:
            ((kind, reference),) = source.items()
            assert ({"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind], reference["name"]) in made
        claims = [
            each["persistentVolumeClaim"]["claimName"]
            for each in pod["volumes"]
            if len(each) > 1 and "persistentVolumeClaim" in each
        ]
        assert all(("PersistentVolumeClaim", claim) in made for claim in claims)
    (scaler,) = (found for found in objects() if found["kind"] == "HorizontalPodAutoscaler")
    target = scaler["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) in made
    offered = {
        rule["name"]["as"]
        for rule in yaml.safe_load((KUBERNETES / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    }
    assert {metric["pods"]["metric"]["name"] for metric in scaler["spec"]["metrics"]} == offered


def test_probes_name_no_host_and_stopping_has_time() -> None:
    for pod, container in pods():
        if "lifecycle" in container:
            (_, seconds) = container["lifecycle"]["preStop"]["exec"]["command"]
            assert pod["terminationGracePeriodSeconds"] > int(seconds) + settings.SHUTDOWN_WINDOW
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert "httpHeaders" not in container.get(name, {}).get("httpGet", {})


def test_containers_run_as_nobody_in_particular() -> None:
    for pod, container in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert re.search(r"^USER 10001:10001$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)


def names_of_settings() -> Iterator[tuple[str, str]]:
    """Each variable that a file sets, and the file."""
    for found in objects():
        if found["metadata"]["name"] == "chozoi-chat" and found["kind"] in ("ConfigMap", "Secret"):
            yield from ((name, found["kind"]) for name in found.get("data", {}) | found.get("stringData", {}))
    for _, container in pods():
        yield from ((variable["name"], "workers.yaml") for variable in container.get("env", []))
    for name, service in compose()["services"].items():
        if service.get("image") == "chozoi-chat":
            yield from ((variable, f"compose.yaml, {name}") for variable in service["environment"])
    for path in (DEPLOY / "systemd/environment.example", DEPLOY / "compose/env.example"):
        yield from ((name, path.name) for name in re.findall(r"^([A-Z_]+)=", path.read_text(), re.MULTILINE))
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    (set_there,) = re.findall(r"^ENV (.*?[^\\])\n", dockerfile, re.MULTILINE | re.DOTALL)
    yield from ((name, "Dockerfile") for name in re.findall(r"\b([A-Z_]+)=", set_there))


def test_every_setting_in_the_files_is_one() -> None:
    python = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    found = list(names_of_settings())
    assert len({file for _, file in found}) >= 9
    assert [(name, file) for name, file in found if name not in environment.known and name not in python] == []


def test_every_command_in_the_files_is_one() -> None:
    commands = [container["args"][0] for _, container in pods()]
    commands += [
        service["command"][0] for service in compose()["services"].values() if service.get("image") == "chozoi-chat"
    ]
    assert len(commands) == 11
    assert set(commands) <= set(get_commands())


def test_compose_stops_in_time_and_knows_its_services() -> None:
    services = compose()["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        if service.get("image") == "chozoi-chat":
            assert int(service["stop_grace_period"].removesuffix("s")) > settings.SHUTDOWN_WINDOW
    for volume in services["nginx"]["volumes"]:
        source = DEPLOY / volume.split(":")[0]
        assert source.exists() or source.name == "tls", source
    upstream = (DEPLOY / "compose/chozoi-chat-upstream.conf").read_text()
    assert set(re.findall(r"server ([\w-]+):8000", upstream)) == {
        name for name in services if name.startswith("server-")
    }


@pytest.mark.slow
def test_the_image_holds_all_that_the_service_imports(tmp_path: Path) -> None:
    """The files that Dockerfile.dockerignore lets through, without a checkout around them."""
    for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines():
        if line.startswith("!"):
            source = PROJECT / line[1:]
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, tmp_path / line[1:])
    assert not (tmp_path / "devstack").exists()
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path / "data"),
        "MONGODB_URI": "mongodb://127.0.0.1:1/chat?serverSelectionTimeoutMS=100",
    }

    def start(**variables: str) -> subprocess.CompletedProcess[str]:
        command, env = [sys.executable, "-c", SERVICE], environment | variables
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    done = start()
    assert (done.returncode, done.stdout) == (0, "all is there\n"), done.stderr
    assert (
        start(DEMO="1")
        .stderr.splitlines()[-1]
        .endswith("DEMO=1, but the demo is not installed here: it is for `make run` in a checkout. Unset DEMO.")
    )

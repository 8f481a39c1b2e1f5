"""`/` without the demo: what this is and where its doors are, at no cost."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.urls import resolve

PROJECT = Path(__file__).resolve().parents[2]


def test_it_names_the_doors_and_each_of_its_links_leads_somewhere() -> None:
    """No store runs for this test: a page that asked one would fail."""
    answer = Client(headers={"host": "127.0.0.1"}).get("/")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "<code>/v1/conversations/sockets</code>" in text
    assert "<code>/v1/conversations/events</code>" in text
    links = re.findall(r'<a href="([^"]+)"', text)
    assert {"/admin/", "/healthz", "/readyz"} < set(links)
    for link in links:
        assert resolve(link)
    assert "<script" not in text


def test_without_demo_nothing_of_the_demo_is_there() -> None:
    client = Client(headers={"host": "127.0.0.1"})
    assert client.post("/demo/sign-in", {"user_id": "7"}).status_code == 404
    assert client.get("/static/demo/main.js").status_code == 404


@pytest.mark.slow
def test_nothing_starts_where_the_demo_is_dangerous() -> None:
    environment = {**os.environ, "DEMO": "1", "MONGODB_ENGINE": "persistence.engine"}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "demo.E001) DEMO is on, and MONGODB_URI names a database of yours" in done.stderr

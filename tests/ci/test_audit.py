"""`make audit`: it fails over a known vulnerability, and not because nobody can be asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
LOCK = f"httpx==0.28.1 --hash=sha256:{'0' * 64}\nh11==0.16.0 --hash=sha256:{'0' * 64}\n"
FOUND = {
    "id": "PYSEC-2026-1",
    "modified": "2026-11-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "h11", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0.16.1"}]}],
        }
    ],
}


@contextmanager
def osv(vulnerable: str) -> Iterator[str]:
    """An OSV API, which is not ours and not to be asked by tests: it knows one package as vulnerable."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = {"vulns": [FOUND]} if asked["package"]["name"] == vulnerable else {}
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        server.server_close()


def audit(directory: Path, url: str) -> tuple[int, str]:
    lock = directory / "audited.lock"
    lock.write_text(LOCK)
    environment = {**os.environ, "AUDIT_OSV_URL": url, "XDG_CACHE_HOME": str(directory)}
    done = subprocess.run(
        [sys.executable, ".ci/audit.py", str(lock)], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_a_known_vulnerability_fails_it(tmp_path: Path) -> None:
    with osv(vulnerable="h11") as url:
        status, said = audit(tmp_path, url)
    assert status == 1
    assert "h11 0.16.0: PYSEC-2026-1, fixed in 0.16.1" in said
    assert "2 packages of audited.lock audited by osv, 1 vulnerabilities" in said


def test_without_one_it_says_how_many_packages_were_audited(tmp_path: Path) -> None:
    with osv(vulnerable="another") as url:
        assert audit(tmp_path, url) == (0, "2 packages of audited.lock audited by osv, 0 vulnerabilities\n")


def test_where_nobody_can_be_asked_it_says_so_and_does_not_fail(tmp_path: Path) -> None:
    status, said = audit(tmp_path, "http://127.0.0.1:1/v1/query")
    assert status == 0
    assert "NOT AUDITED" in said

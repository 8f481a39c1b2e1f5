"""What is made from the code and kept in `docs/` is what the code makes now: `make docs` was not forgotten."""

from pathlib import Path

from django.core.management import call_command

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_socket_events(tmp_path: Path) -> None:
    document, page = tmp_path / "asyncapi.json", tmp_path / "events.md"
    call_command("asyncapi", document=document, page=page)
    assert document.read_text() == (DOCS / "asyncapi.json").read_text()
    assert page.read_text() == (DOCS / "events.md").read_text()


def test_the_rest_api(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    call_command("spectacular", "--fail-on-warn", "--format", "openapi-json", "--file", str(document))
    assert document.read_text() == (DOCS / "openapi.json").read_text()


def test_the_postman_collection(tmp_path: Path) -> None:
    call_command("postman", tmp_path)
    for name in ("collection.json", "environment.json"):
        assert (tmp_path / name).read_text() == (DOCS / "postman" / name).read_text()

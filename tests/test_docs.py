"""What is made from the code and kept in `docs/` is what the code makes now: `make docs` was not forgotten. What is
written by hand knows every code by which an app is refused.
"""

import ast
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from django.core.management import call_command

from chozoi_chat import environment
from conversations.api.refusals import STATUS
from conversations.errors import Code
from identity.refusal import RefusalCode
from moderation.errors import FOR_USERS
from persistence.configuration import known_settings

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_socket_events(tmp_path: Path) -> None:
    document, page = tmp_path / "asyncapi.json", tmp_path / "events.md"
    call_command("asyncapi", document=document, page=page)
    assert document.read_text() == (DOCS / "asyncapi.json").read_text()
    assert page.read_text() == (DOCS / "events.md").read_text()
    types = tmp_path / "events.ts"
    call_command("socketio", "types", "--typescript", str(types))
    assert types.read_text() == (DOCS / "events.ts").read_text()


def test_the_metrics(tmp_path: Path) -> None:
    call_command("document_metrics", page=tmp_path / "metrics.md")
    assert (tmp_path / "metrics.md").read_text() == (DOCS / "metrics.md").read_text()


def test_the_settings(tmp_path: Path) -> None:
    page = tmp_path / "operations.md"
    page.write_text((DOCS / "operations.md").read_text())
    call_command("document_settings", page=page)
    assert page.read_text() == (DOCS / "operations.md").read_text()


def test_every_setting_is_explained_with_the_default_that_it_has() -> None:
    page = (DOCS / "configuration.md").read_text()
    explained = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert set(explained) == set(environment.known)
    for name, cell in explained.items():
        if literal := re.fullmatch(r"`([^`]*)`", cell):
            default = environment.as_written(environment.known[name]).replace(f"{DOCS.parent}/", "")
            assert literal[1] == default, name


def test_the_rest_api(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    call_command("spectacular", "--fail-on-warn", "--format", "openapi-json", "--file", str(document))
    assert document.read_text() == (DOCS / "openapi.json").read_text()


def table_of_codes(page: str) -> dict[str, str]:
    """Each code of a page's table, and its HTTP status; "–" where REST has none."""
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| (\d{3}|–)[^|]* \|", (DOCS / page).read_text(), flags=re.MULTILINE)
    return {code: status for codes, status in rows for code in re.findall(r"[a-z_]+", codes)}


def test_an_app_finds_every_code_that_it_may_be_refused_with() -> None:
    explained = table_of_codes("clients.md") | table_of_codes("moderation.md")
    assert {*get_args(RefusalCode), *Code, *FOR_USERS} <= set(explained)


def test_a_code_stands_beside_its_status() -> None:
    explained = table_of_codes("clients.md") | table_of_codes("moderation.md")
    assert {code: explained[code] for code in STATUS} == {code: str(int(STATUS[code])) for code in STATUS}


@pytest.mark.parametrize("page", sorted([*DOCS.glob("*.md"), *DOCS.parent.glob("*.md")]), ids=lambda page: page.name)
def test_the_modules_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"`([a-z_]+/[a-z_/]+(?:\.py|/))`", page.read_text()))
    assert {path for path in named if not (DOCS.parent / path).exists()} == set()


def test_every_key_of_the_chats_settings_is_in_its_page() -> None:
    page = (DOCS / "chat-in-your-project.md").read_text()
    assert set(known_settings()) <= set(re.findall(r"`([A-Z_]+)`", page))
    for name, default in re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)`", page, re.MULTILINE):
        assert ast.literal_eval(default) == msgspec.to_builtins(getattr(known_settings()[name](), name)), name

"""Every page on documents of other programs, as a superuser."""

from __future__ import annotations

from tests.moderation.admin.every_page.crawl import odd, open_all_as
from tests.moderation.conftest import Store


def test_no_page_fails_and_none_links_to_one_that_its_reader_may_not_open(database: Store, roles: None) -> None:
    odd(database)
    assert len(open_all_as(None)) >= 100

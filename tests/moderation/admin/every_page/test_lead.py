"""Every page as a moderation lead."""

from __future__ import annotations

from tests.moderation.admin.every_page.crawl import open_all_as, seeded
from tests.moderation.conftest import Store


def test_no_page_fails_and_none_links_to_one_that_its_reader_may_not_open(database: Store, roles: None) -> None:
    seeded(database)
    assert len(open_all_as("Moderation lead")) >= 60

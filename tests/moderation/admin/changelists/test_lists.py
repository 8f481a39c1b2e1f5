"""Lists of any length: pages that begin where the one before ended, no COUNT, and an index for each order."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from bson import SON, ObjectId
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from moderation import models
from moderation.admin.changelists.keyset import Position, UncountedAdmin
from moderation.models import AuditRecord, FilterHit, HeldMessage, Note, Report, Restriction
from tests.moderation.admin.conftest import held, hit, noted, reported, restricted
from tests.moderation.conftest import Store

THEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
PAGE = UncountedAdmin.list_per_page


def hits(instants: list[datetime.datetime]) -> None:
    FilterHit.objects.bulk_create(
        [
            FilterHit(filter_name=f"f{n}", action="refuse", at=at, room_id="7.9", user_id=str(n % 50))
            for n, at in enumerate(instants)
        ]
    )


def all_pages(client: Client, query: str = "") -> list[list[Any]]:
    """The rows of each page, from the first to the last."""
    url = reverse("admin:moderation_filterhit_changelist")
    listed = client.get(f"{url}{query}").context["cl"]
    following = all_pages(client, listed.next_page) if listed.next_page else []
    return [listed.result_list, *following]


@pytest.mark.parametrize(
    "step",
    [datetime.timedelta(seconds=1), datetime.timedelta(0)],
    ids=["each at its own instant", "all at one"],
)
def test_the_pages_together_are_the_list(support: Client, database: Store, step: datetime.timedelta) -> None:
    hits([THEN + step * n for n in range(2 * PAGE + 5)])
    pages = all_pages(support)
    assert [len(page) for page in pages] == [PAGE, PAGE, 5]
    assert len({hit.pk for page in pages for hit in page}) == 2 * PAGE + 5


def test_instants_that_several_share_across_a_page_lose_nobody(support: Client, database: Store) -> None:
    hits(
        [THEN] * (PAGE - 3) + [THEN + datetime.timedelta(seconds=1)] * 7 + [THEN - datetime.timedelta(seconds=1)] * PAGE
    )
    rows = [hit for page in all_pages(support) for hit in page]
    assert len({hit.pk for hit in rows}) == len(rows) == 2 * PAGE + 4
    assert [hit.at for hit in rows] == sorted((hit.at for hit in rows), reverse=True)


@pytest.mark.parametrize("query", ["", "?q=1"], ids=["all", "a search"])
def test_rows_of_one_instant_are_ordered_by_their_keys(support: Client, database: Store, query: str) -> None:
    """MongoDB promises no order among them, so that of the pages must be one that the store cannot change."""
    hits([THEN] * (2 * PAGE + 5))
    FilterHit.objects.update(user_id="1")
    rows = [hit for page in all_pages(support, query) for hit in page]
    assert [hit.pk for hit in rows] == sorted((hit.pk for hit in rows), reverse=True)
    assert len(rows) == 2 * PAGE + 5


def test_a_row_that_goes_meanwhile_takes_no_other_from_the_next_page(support: Client, database: Store) -> None:
    hits([THEN] * (PAGE + 5))
    url = reverse("admin:moderation_filterhit_changelist")
    first = support.get(url).context["cl"]
    FilterHit.objects.filter(pk=first.result_list[7].pk).delete()
    second = support.get(f"{url}{first.next_page}").context["cl"]
    assert len({hit.pk for hit in (*first.result_list, *second.result_list)}) == PAGE + 5


def test_what_comes_meanwhile_shifts_no_page(support: Client, database: Store) -> None:
    hits([THEN - datetime.timedelta(seconds=n) for n in range(PAGE + 5)])
    url = reverse("admin:moderation_filterhit_changelist")
    first = support.get(url).context["cl"]
    hits([THEN + datetime.timedelta(seconds=n) for n in range(1, 20)])
    second = support.get(f"{url}{first.next_page}").context["cl"]
    assert [hit.at for hit in second.result_list] == [THEN - datetime.timedelta(seconds=PAGE + n) for n in range(5)]


def test_the_last_page_says_so_and_the_first_is_a_click_away(support: Client, database: Store) -> None:
    hits([THEN] * (PAGE + 1))
    url = reverse("admin:moderation_filterhit_changelist")
    first = support.get(url)
    assert "Next page" in first.text and "First page" not in first.text
    last = support.get(f"{url}{first.context['cl'].next_page}")
    assert "This is the last page" in last.text and "First page" in last.text


def test_a_page_that_nobody_wrote_is_the_first(support: Client, database: Store) -> None:
    hits([THEN])
    url = reverse("admin:moderation_filterhit_changelist")
    for page in ("7", "x~1", "2026-01-01~1", f"{THEN.isoformat()}~-1", f"2026-01-01~{ObjectId()}"):
        assert Position.read(page) is None
        assert len(support.get(url, {"p": page}).context["cl"].result_list) == 1


MAKES: dict[str, Callable[[int], object]] = {
    "report": lambda n: reported(f"m{n}", by=str(n % 40), user_id=str(n % 3), minutes_ago=n, reason="spam"),
    "restriction": lambda n: restricted(str(n % 3), created_at=THEN + datetime.timedelta(seconds=n)),
    "heldmessage": lambda n: held(sender=str(n % 3), held_at=THEN + datetime.timedelta(seconds=n)),
    "filterhit": lambda n: hit(user_id=str(n % 3), at=THEN + datetime.timedelta(seconds=n)),
    "note": lambda n: noted(target_id=str(n % 3), written_at=THEN + datetime.timedelta(seconds=n)),
    "auditrecord": lambda n: AuditRecord.objects.create(
        at=THEN + datetime.timedelta(seconds=n), staff_name="mai", staff_id="5", act="user.muted",
        target_kind="user", target_id=str(n % 3), user_id=str(n % 3),
    ),
}  # fmt: skip
QUERIES = [
    ("report", ""),
    ("report", "?reason__exact=spam"),
    ("report", "?level=low"),
    ("report", "?order=age"),
    ("report", "?state=in_review"),
    ("report", "?state=mine"),
    ("report", "?state=resolved"),
    ("report", "?state=resolved&reason__exact=spam"),
    ("report", "?q=1"),
    ("restriction", "?state=all"),
    ("restriction", "?q=1"),
    ("heldmessage", ""),
    ("heldmessage", "?state=released"),
    ("heldmessage", "?filter=links"),
    ("heldmessage", "?q=1"),
    ("filterhit", ""),
    ("filterhit", "?filter=links"),
    ("filterhit", "?q=1"),
    ("note", ""),
    ("note", "?q=1"),
    ("auditrecord", ""),
    ("auditrecord", "?days=7"),
    ("auditrecord", "?act__exact=user.muted"),
    ("auditrecord", "?mine=1"),
    ("auditrecord", "?q=1"),
]
SORTED_IN_MEMORY = {("reporter",), ("target_kind", "target_id"), ("assignee_id", "state")}
"""What a search or a person limits to few."""


def pipeline_of(text: str) -> list[dict[str, Any]]:
    """Of a query as Django logs it."""
    names = {"datetime": datetime, "ObjectId": ObjectId, "SON": SON, **vars(models)}
    pipeline: list[dict[str, Any]] = eval(text.partition(".aggregate(")[2].rpartition(")")[0], names)
    return pipeline


class Asked(NamedTuple):
    """One query of a list: what must be equal, and what it is ordered by."""

    pipeline: list[dict[str, Any]]
    equal: set[str]
    ordered_by: str

    @classmethod
    def read(cls, text: str) -> Asked:
        pipeline = pipeline_of(text)
        match: dict[str, Any] = next((stage["$match"] for stage in pipeline if "$match" in stage), {})
        equal = {name for name, value in match.items() if not isinstance(value, dict | list)}
        (ordered_by,) = next(stage["$sort"] for stage in pipeline if "$sort" in stage)
        return cls(pipeline, equal, ordered_by)


@pytest.mark.parametrize(("name", "query"), QUERIES)
def test_a_list_is_found_by_an_index_in_its_order(support: Client, database: Store, name: str, query: str) -> None:
    """MongoDB's rule: an index has first what must be equal, then what the rows are ordered by."""
    for number in range(PAGE + 10):
        MAKES[name](number)
    url = reverse(f"admin:moderation_{name}_changelist")
    with CaptureQueriesContext(connection) as captured:
        listed = support.get(f"{url}{query}").context["cl"]
        if listed.next_page:
            assert support.get(f"{url}{listed.next_page}").context["cl"].result_list
    collection = database[f"moderation_{name}"]
    texts = [each["sql"] for each in captured.captured_queries if each["sql"].startswith(f"db.{collection.name}.")]
    queries = [Asked.read(text) for text in texts if "$sort" in text]
    assert queries
    indexes = [[field for field, _ in index["key"]] for index in collection.index_information().values()]
    for asked in queries:
        count = len(asked.equal)
        served = any(
            set(index[:count]) == asked.equal and index[count : count + 1] == [asked.ordered_by] for index in indexes
        )
        bounded = any(set(few) <= asked.equal for few in SORTED_IN_MEMORY)
        assert served or bounded, (asked, indexes)
        plan = database.command({"explain": {"aggregate": collection.name, "pipeline": asked.pipeline, "cursor": {}}})
        assert "COLLSCAN" not in str(plan), asked
    for pipeline in [pipeline_of(text) for text in texts if "$sort" not in text and "$group" not in text]:
        plan = database.command({"explain": {"aggregate": collection.name, "pipeline": pipeline, "cursor": {}}})
        assert "COLLSCAN" not in str(plan), pipeline


def test_no_list_counts(support: Client, database: Store) -> None:
    for name, make in MAKES.items():
        make(1)
        with CaptureQueriesContext(connection) as captured:
            support.get(reverse(f"admin:moderation_{name}_changelist"))
        of_list = [each["sql"] for each in captured.captured_queries if f"db.moderation_{name}." in each["sql"]]
        assert of_list
        assert not [
            text
            for text in of_list
            if "$count" in text or ("$sum" in text and "$limit" not in text and "$match" not in text)
        ]


@pytest.mark.parametrize("model", [Report, Restriction, HeldMessage, FilterHit, Note, AuditRecord])
def test_an_empty_list_says_what_its_emptiness_means(support: Client, database: Store, model: type[Model]) -> None:
    url = reverse(f"admin:moderation_{model._meta.model_name}_changelist")
    assert str(UncountedAdmin.empty) not in support.get(url).text
    assert "Nothing matches." in support.get(f"{url}?q=nobody").text

"""Links: which hosts a text leads to, and which are allowed."""

import pytest

from moderation.matching.links import AllowedHosts, hosts
from moderation.matching.text import normalized
from tests.moderation.matching.sentences import ALLOWED, LINKS, NO_LINK


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://Example.com/a?b=c", ["example.com"]),
        ("http://user:pw@evil.example:8080/x", ["evil.example"]),
        ("https://good.com@evil.com/", ["evil.com"]),
        ("https://evil.com\\@good.com/", ["evil.com", "good.com"]),
        ("https:\\\\evil.com", ["evil.com"]),
        ("//evil.com/x", ["evil.com"]),
        ("www.shop.vn now", ["www.shop.vn"]),
        ("write to evil.com.", ["evil.com"]),
        ("evil.co.uk/path", ["evil.co.uk"]),
        ("bit.ly/abc", ["bit.ly"]),
        ("ｅｖｉｌ．ｃｏｍ", ["evil.com"]),
        ("münchen.de", ["münchen.de"]),
        ("evil。com", ["evil.com"]),
        ("https://good.com｡evil.com/", ["good.com.evil.com"]),
        ("ev\u200bil.com", ["evil.com"]),
        ("https://evil.com.", ["evil.com"]),
        ("mail me: an@evil.com", ["evil.com"]),
        ("two: a.com, b.com", ["a.com", "b.com"]),
    ],
)
def test_links_are_found(text: str, expected: list[str]) -> None:
    assert list(hosts(normalized(text))) == expected


@pytest.mark.parametrize(
    "text", ["hello.", "Yes.No", "version 1.2.3", "3.50 or 4.20", "and/or", "e.g. this", "...", "10:30", "a.b"]
)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert list(hosts(normalized(text))) == []


def test_a_host_allows_what_lies_under_it_and_nothing_beside_it() -> None:
    allowed = AllowedHosts(["example.com", "https://www.shop.vn/path"])
    assert allowed.allow("example.com") and allowed.allow("img.cdn.example.com")
    assert allowed.allow("www.shop.vn")
    assert not allowed.allow("notexample.com")
    assert not allowed.allow("example.com.evil.com")
    assert not allowed.allow("com")


@pytest.mark.parametrize("text", NO_LINK)
def test_a_price_a_size_or_a_sentence_without_a_space_is_no_link(text: str) -> None:
    assert list(hosts(normalized(text))) == []


@pytest.mark.parametrize(("text", "expected"), LINKS)
def test_a_host_with_any_public_ending_is_a_link(text: str, expected: list[str]) -> None:
    assert list(hosts(normalized(text))) == expected


@pytest.mark.parametrize("text", ALLOWED)
def test_dots_in_the_path_of_an_allowed_link_are_no_other_host(text: str) -> None:
    found = list(hosts(normalized(text)))
    assert found and all(AllowedHosts(["shop.example"]).allow(host) for host in found)


def test_the_table_has_a_hundred_sentences() -> None:
    assert len({*NO_LINK, *(text for text, _ in LINKS), *ALLOWED}) >= 100


def test_an_allowed_host_in_letters_is_the_one_in_punycode_too() -> None:
    assert AllowedHosts(["xn--mnchen-3ya.de"]).allow("münchen.de")
    assert [AllowedHosts(["münchen.de"]).allow(host) for host in hosts("https://xn--mnchen-3ya.de/")] == [True]
